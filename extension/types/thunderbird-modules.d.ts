/** Modules of Thunderbird that the experiments import. */
declare module "resource://gre/modules/Timer.sys.mjs" {
  export function setTimeout(work: () => void, ms: number): number;
  export function clearTimeout(timer: number): void;
  export function setInterval(work: () => void, ms: number): number;
  export function clearInterval(timer: number): void;
}
declare module "resource:///modules/MailServices.sys.mjs" {
  export const MailServices: any;
}
