/** What a function that is run inside Thunderbird finds around it (see the preamble in marionette.mjs). */

declare const Cc: any;
declare const Ci: any;
declare const Cu: any;
declare const ChromeUtils: any;
declare const Components: any;
declare const Cr: any;
declare const IOUtils: any;
declare const MailServices: any;
declare const PathUtils: any;
declare const Services: any;
declare function composeWindows(): any[];
declare function idOf(win: any): number;
declare function mainWindow(): any;
declare function sleep(ms: number): Promise<void>;
declare function until(what: string, condition: () => any, ms?: number): Promise<any>;
declare function windowById(id: number): any;
