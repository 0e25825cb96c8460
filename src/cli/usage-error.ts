/** A command line that cannot be understood. */
import { ArchiverError, type ArchiverErrorOptions } from '../errors.ts';

/** Says what is wrong with a command line; its command's usage is printed with it. */
export class UsageError extends ArchiverError {
  /** The usage text to show; undefined = that of the command that was named. */
  readonly usage: string | undefined;

  constructor(message: string, options: ArchiverErrorOptions & { readonly usage?: string } = {}) {
    super('usage', message, options);
    this.usage = options.usage;
  }
}
