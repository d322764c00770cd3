/** @param {import("./host.js").Host} _host */
export function startReading(_host) {}
