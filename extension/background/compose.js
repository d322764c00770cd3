/** @param {import("./host.js").Host} _host */
export function startCompose(_host) {}
