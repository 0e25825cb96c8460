/** Failures of the network that stay: wrong certificates and names. */
import { codeOf } from '../../errors.ts';

/** Whether to try again is of no use. */
export function isLasting(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ENOTFOUND|EPROTO|ERR_SSL/.test(codeOf(error) ?? '');
}
