/// <reference path="../../../static/snippet.d.ts" />

// Before the snippet has loaded.
window.warmtrail = window.warmtrail || [];
window.warmtrail.push(["identify", "user-42", { email: "ada@halden.example", plan: "pro" }]);
window.warmtrail.push(["consent", true], ["page"]);
window.warmtrail?.push(["reset"]);

// An interface of the application's own, without an index signature.
interface Order {
  total: number;
}
const order: Order = { total: 120 };

// After it has loaded.
if (warmtrail && "version" in warmtrail) {
  const version: string = warmtrail.version;
  const mode: "not-required" | "required" | "cookieless" | undefined = warmtrail.config.consent;
  warmtrail.identify(42, { company: { name: "Halden" } });
  warmtrail.identify({ name: "Ada Lind", title: "Plant Manager" });
  warmtrail.group("halden", { domain: "halden.example" });
  warmtrail.track("Demo Requested");
  warmtrail.track("Order Placed", order);
  warmtrail.page("Step 2", { title: `${version} ${mode}` });
  warmtrail.page(null, { url: "https://www.example.com/pricing" });
  warmtrail.consent(false);
  warmtrail.reset();
  warmtrail.push(["track", "Demo Requested", { seats: 5 }], ["group", "halden"]);

  // @ts-expect-error: an event needs its name
  warmtrail.track();
  // @ts-expect-error: somebody, or something known of somebody
  warmtrail.identify();
  // @ts-expect-error: an e-mail address is a text
  warmtrail.identify("user-42", { email: 42 });
  // @ts-expect-error: a company has a name
  warmtrail.identify({ company: {} });
  // @ts-expect-error: the collector takes no number here
  warmtrail.group(7);
  // @ts-expect-error: yes or no
  warmtrail.consent("yes");
  // @ts-expect-error: properties are an object
  warmtrail.page("Step 2", "Title");
  // @ts-expect-error: it takes nothing
  warmtrail.reset("user-42");
  // @ts-expect-error: settings are changed in the tag
  warmtrail.config.idle = 60;
  // @ts-expect-error: there is no such call
  warmtrail.alias("user-42");
}

// @ts-expect-error: it may not be there yet
warmtrail.push(["reset"]);
// @ts-expect-error: a misspelt call
window.warmtrail.push(["trak", "Demo Requested"]);
// @ts-expect-error: a call is a list
window.warmtrail.push("reset");
// @ts-expect-error: consent to what?
window.warmtrail.push(["consent"]);
// @ts-expect-error: a queue has no calls but push
window.warmtrail.track("Demo Requested");
