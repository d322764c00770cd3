/** The event page's side of writing, without a Thunderbird: facts in, answers out. The rooms lie in `compose/`. */

for (const room of ["choice", "choices", "pressing-send", "unattended", "recipients", "shown"]) {
  await import(`./compose/${room}.mjs`);
}

export {}; // a module: it awaits at its top level
