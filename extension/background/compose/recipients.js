/** What is known of recipients: asked of the host, kept for as long as the answer is good. */

import { comparable } from "../address.js";
import { explain } from "../host-error.js";

/** How long the answer of the host is awaited; it asks the DNS. */
const LOOKUP_MS = 20_000;

/** Addresses in one request, all of one domain: a domain that answers slowly holds up no other. */
const BATCH = 10;

/** Requests under way at once. The host takes more, but others want something of it, too. */
const AT_ONCE = 24;

/** Seconds that an answer is kept: what its records say, but within these bounds; others for a short fixed time. */
const KEEP_AT_LEAST_S = 30;
const KEEP_AT_MOST_S = 600;
const KEEP_OTHERS_S = 60;
const KEEP_FAILURES_S = 10;

/** Beyond this, answers that are no longer good are thrown away. */
const MANY = 500;

/**
 * @typedef {import("../../types/protocol").RecipientState | "unchecked"} State `unchecked`: the host could not be asked
 * @typedef {{ address: string, state: State, reason: string, noSuchDomain?: boolean, hindrance?: { code: string, at?: string } }} Known
 *   `noSuchDomain`: proven, with `absent`; `hindrance`: with `unusable`
 */

export class Recipients {
  /** @type {Map<string, { known: Promise<Known>, settled: Known | null, until: number }>} */
  #cache = new Map();
  /** Requests that wait for their turn. @type {(() => void)[]} */
  #waiting = [];
  #underWay = 0;
  #host;
  #text;
  #now;

  /**
   * @param {import("../host.js").Host} host
   * @param {(key: string) => string} text
   * @param {() => number} [now] milliseconds
   */
  constructor(host, text, now = Date.now) {
    this.#host = host;
    this.#text = text;
    this.#now = now;
  }

  /** What is known at once; undefined while it is being looked up. @param {string} address */
  peek(address) {
    const entry = this.#cache.get(address);
    return entry && entry.until > this.#now() ? (entry.settled ?? undefined) : undefined;
  }

  /** Forgets, so that the next look asks again. @param {string[]} addresses */
  forget(addresses) {
    for (const address of addresses) {
      this.#cache.delete(address);
    }
  }

  /** Forgets those whom the host could not be asked about. It may have come back. @param {string[]} addresses */
  forgetUnchecked(addresses) {
    this.forget(addresses.filter((address) => this.#cache.get(address)?.settled?.state === "unchecked"));
  }

  /**
   * Never rejects: what cannot be asked is `unchecked`.
   *
   * @param {string[]} addresses
   * @param {() => void} [onSome] told whenever some of those that were not known have become so
   * @returns {Promise<Known[]>} in the order of `addresses`
   */
  lookUp(addresses, onSome = () => {}) {
    const now = this.#now();
    if (this.#cache.size > MANY) {
      this.forget([...this.#cache].filter(([, { until }]) => until <= now).map(([address]) => address));
    }
    const missing = [...new Set(addresses)].filter((address) => !((this.#cache.get(address)?.until ?? 0) > now));
    for (const batch of batches(missing)) {
      this.#ask(batch, onSome);
    }
    return Promise.all(addresses.map((address) => this.#cache.get(address)?.known ?? unchecked(address, "")));
  }

  /** @param {string[]} addresses @param {() => void} onSome */
  #ask(addresses, onSome) {
    const answer = this.#inTurn(() => this.#host.request("lookup", { addresses }, { deadlineMs: LOOKUP_MS })).then(
      ({ result }) => addresses.map((address, i) => this.#read(address, result.results?.[i])),
      (error) =>
        addresses.map((address) => ({
          known: unchecked(address, explain(error, this.#text)),
          seconds: KEEP_FAILURES_S,
        })),
    );
    addresses.forEach((address, i) => {
      /** @type {{ known: Promise<Known>, settled: Known | null, until: number }} */
      const entry = {
        settled: null,
        until: Infinity,
        known: answer.then((answers) => {
          entry.settled = answers[i].known;
          entry.until = this.#now() + answers[i].seconds * 1000;
          return entry.settled;
        }),
      };
      this.#cache.set(address, entry);
    });
    Promise.all(addresses.map((address) => this.#cache.get(address)?.known)).then(onSome);
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  async #inTurn(work) {
    if (this.#underWay >= AT_ONCE) {
      await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
    }
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }

  /**
   * @param {string} address
   * @param {import("../../types/protocol").LookupResult | undefined} result
   * @returns {{ known: Known, seconds: number }}
   */
  #read(address, result) {
    if (typeof result?.recipient !== "string" || !isOf(result, address)) {
      return { known: unchecked(address, this.#text("error_host_broken")), seconds: KEEP_FAILURES_S };
    }
    const known = { address, state: result.recipient, reason: result.reason ?? "", ...hindranceIn(result) };
    if (known.state === "ready") {
      const ttl = Math.min(...(result.records ?? []).map((record) => record.ttl), KEEP_AT_MOST_S);
      return { known, seconds: Math.max(ttl, KEEP_AT_LEAST_S) };
    }
    const seconds = known.state === "unreachable" ? KEEP_FAILURES_S : KEEP_OTHERS_S;
    return { known: result.dnssec?.no_such_domain === true ? { ...known, noSuchDomain: true } : known, seconds };
  }
}

/**
 * Why there is nothing to encrypt to, as a word; an older host says it in English alone.
 *
 * @param {{ hindrance?: unknown }} answer
 * @returns {Pick<Known, "hindrance">}
 */
export function hindranceIn({ hindrance }) {
  const { code, at } = /** @type {{ code?: unknown, at?: unknown }} */ (hindrance ?? {});
  return typeof code === "string" ? { hindrance: { code, ...(typeof at === "string" && { at }) } } : {};
}

/**
 * Whether an answer is about this address. The host says it in its own spelling, the domain in lower case and as the DNS has it.
 *
 * @param {import("../../types/protocol").LookupResult} result
 * @param {string} address
 */
function isOf(result, address) {
  return typeof result.address === "string" && comparable(result.address) === comparable(address.toWellFormed());
}

/** @param {string[]} addresses */
function batches(addresses) {
  /** @type {Map<string, string[][]>} */
  const byDomain = new Map();
  for (const address of addresses) {
    const domain = domainOf(address).toLowerCase();
    const full = byDomain.get(domain) ?? [];
    if ((full.at(-1)?.length ?? BATCH) >= BATCH) {
      full.push([]);
    }
    full.at(-1)?.push(address);
    byDomain.set(domain, full);
  }
  return [...byDomain.values()].flat();
}

/** @param {string} address */
export const domainOf = (address) => address.slice(address.lastIndexOf("@") + 1);

/** @param {string} address @param {string} reason @returns {Known} */
function unchecked(address, reason) {
  return { address, state: "unchecked", reason };
}

/** How a state is marked beside the recipient. @param {State} state */
export function markOf(state) {
  switch (state) {
    case "ready":
      return "found";
    case "absent":
    case "insecure":
    case "unusable":
    case "invalid-address":
    case "not-in-dns":
      return "missing";
    default: // bogus, unreachable, unchecked, and what a newer host may say
      return "untrusted";
  }
}

/**
 * Whether a mail to somebody in this state may go unencrypted if its writer wants that. Where an answer was forged or kept
 * away it may not: the one who did that would be rewarded.
 *
 * @param {State} state
 */
export function mayGoInTheClear(state) {
  return markOf(state) !== "untrusted";
}
