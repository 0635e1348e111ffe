// Without a reference, in a module: the declaration is among the files of the project.
export function demoRequested(seats: number): void {
  self.warmtrail?.push(["track", "Demo Requested", { seats }]);
  // @ts-expect-error: an event needs its name
  self.warmtrail?.push(["track"]);
}
