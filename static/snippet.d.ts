/**
 * Types of the Warmtrail snippet, for pages written in TypeScript.
 *
 * Copy this file among your sources. Then either include it (`"include"` or `"files"` of tsconfig.json), or write
 * `/// <reference path="warmtrail.d.ts" />` where it is needed. It declares the global `warmtrail` and imports nothing.
 *
 *     window.warmtrail = window.warmtrail || [];
 *     window.warmtrail.push(["identify", "user-42", { email: "ada@halden.example" }]);
 */

declare namespace Warmtrail {
  /** Facts about an event. What JSON cannot say is left out. */
  type Properties = Record<string, any>;

  /** Facts about a person. Those named here mean something to Warmtrail; any others are kept. */
  interface Traits {
    email?: string;
    name?: string;
    firstName?: string;
    lastName?: string;
    /** What the person does in the company. */
    title?: string;
    phone?: string;
    company?: string | { name: string };
    companyDomain?: string;
    [trait: string]: any;
  }

  /** Facts about a company. */
  interface GroupTraits {
    name?: string;
    domain?: string;
    website?: string;
    [trait: string]: any;
  }

  /** A call as an entry of the queue: its name, then its arguments. */
  type Command =
    | [call: "identify", userId: string | number, traits?: Traits]
    | [call: "identify", traits: Traits]
    | [call: "group", groupId: string, traits?: GroupTraits]
    | [call: "track", event: string, properties?: Properties]
    | [call: "page", name?: string | null, properties?: Properties]
    | [call: "consent", given: boolean]
    | [call: "reset"];

  /** `window.warmtrail` until the snippet has loaded: calls wait in it. */
  type Queue = Command[];

  /** `window.warmtrail` once the snippet has loaded. */
  interface Api {
    /** Version of the snippet. */
    readonly version: string;
    /** The settings that hold on this page. */
    readonly config: Settings;
    /** Do these, in this order. Works before and after the snippet has loaded. */
    push(...commands: Command[]): void;
    /** Say who the visitor is. Another `userId` than before starts a new visitor. */
    identify(userId: string | number, traits?: Traits): void;
    /** Say what is known of the visitor, without an id of yours. */
    identify(traits: Traits): void;
    /** Say to which company the visitor belongs. */
    group(groupId: string, traits?: GroupTraits): void;
    /** Send anything with a name. */
    track(event: string, properties?: Properties): void;
    /** Send a page view by hand. Changes of the address are seen without it. */
    page(name?: string | null, properties?: Properties): void;
    /** The visitor agrees (remembered), or refuses (all that is stored is removed). */
    consent(given: boolean): void;
    /** A new visitor from here on, for instance at log-out. */
    reset(): void;
  }

  /** The attributes of the script tag without `data-`, over the site's settings from the server. */
  interface Settings {
    readonly key?: string;
    readonly host?: string;
    readonly path?: string;
    readonly respect?: string;
    readonly consent?: "not-required" | "required" | "cookieless";
    readonly idle?: string | number;
    readonly hash?: string | number;
    readonly strip?: string;
    readonly downloads?: string;
    readonly domains?: string;
    readonly local?: string;
    readonly [attribute: string]: string | number | undefined;
  }
}

/** The one global of the snippet: a queue at first, its calls later. */
declare var warmtrail: Warmtrail.Queue | Warmtrail.Api | undefined;
