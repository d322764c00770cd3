/** Methods of Thunderbird that we step into, and out of again. */

export class Wraps {
  #active = true;
  /** @type {{ prototype: any, name: string, original: Function, ours: Function }[]} */
  #wrapped = [];

  /**
   * @param {any} prototype
   * @param {string} name
   * @param {(self: any, original: (...args: any[]) => any, args: any[]) => any} step called in place of the method;
   *   `original` is bound to `self`
   * @returns {boolean} false where there is no such method
   */
  wrap(prototype, name, step) {
    const original = prototype?.[name];
    if (typeof original !== "function") {
      return false;
    }
    const wraps = this;
    /** @this {any} @param {any[]} args */
    const ours = function (...args) {
      return wraps.#active ? step(this, original.bind(this), args) : original.apply(this, args);
    };
    prototype[name] = ours;
    this.#wrapped.push({ prototype, name, original, ours });
    return true;
  }

  /** Puts everything back; where somebody has stepped in after us, ours only passes on from now. */
  undo() {
    this.#active = false;
    for (const { prototype, name, original, ours } of this.#wrapped) {
      if (prototype[name] === ours) {
        prototype[name] = original;
      }
    }
    this.#wrapped = [];
  }
}
