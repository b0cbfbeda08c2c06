/** A value of the configuration that is never shown: printed, logged or written as JSON it is only a placeholder. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return secretPlaceholder;
  }
  toJSON(): string {
    return secretPlaceholder;
  }
}

export const secretPlaceholder = '(secret)';
