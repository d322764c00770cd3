/**
 * What exists around the code of experiments. Thunderbird's internals carry no types; what we rely on of them is looked for at
 * run time and said in the READMEs of the experiments.
 */

declare const Cc: any;
declare const Ci: any;
declare const Cr: any;
declare const ChromeUtils: any;
declare const Components: any;
declare const IOUtils: any;
declare const Services: any;

declare const ExtensionCommon: any;
declare const ExtensionError: new (message: string) => Error;

declare class ExtensionAPI {
  extension: any;
}
declare class ExtensionAPIPersistent extends ExtensionAPI {}

/** The scope that all experiments of an add-on share. */
declare var daneCompose: typeof ExtensionAPIPersistent;
declare var daneList: typeof ExtensionAPI;
declare var danePolicies: typeof ExtensionAPI;
declare var daneReading: typeof ExtensionAPIPersistent;

/** Base64 of octets, which Thunderbird has and TypeScript's libraries do not know yet. */
interface Uint8Array {
  toBase64(): string;
  setFromBase64(text: string, options?: { lastChunkHandling?: string }): { read: number; written: number };
}
interface Uint8ArrayConstructor {
  fromBase64(text: string): Uint8Array;
}
