/** What failed requests to S3 mean: in the language of storages, and whether they are worth repeating. */
import { codeOf } from '../../errors.ts';
import { NetworkError } from '../../network/http.ts';
import { isWorthRepeating, StorageUnavailableError } from '../errors.ts';
import type { Judgement } from '../patience.ts';
import type { RetryPolicy } from '../retry.ts';
import { errorOf, isThrottling, mayPass, S3AnswerError, type Asked } from './answer-error.ts';

/** Judges what a try ended with. Errors that are not of requests, such as an aborted signal's reason, stay what they are. */
export function judged(error: unknown, asked: Asked, throttled: RetryPolicy): Judgement {
  if (error instanceof S3AnswerError) {
    const policy = isThrottling(error) ? throttled : undefined;
    return { told: errorOf(error, asked), mayPass: mayPass(error), retryAfter: error.retryAfter, policy };
  }
  if (!(error instanceof NetworkError)) return { told: error, mayPass: isWorthRepeating(error) };
  const message = `cannot ${asked.action} in ${asked.location}: ${error.message}`;
  const told = new StorageUnavailableError(message, { cause: error, hint: hints[error.code ?? ''] ?? error.hint });
  // Wrong certificates and names stay wrong.
  const isLasting = /CERT|SELF_SIGNED|UNABLE_TO_|ENOTFOUND|EPROTO|ERR_SSL/.test(codeOf(error) ?? '');
  return { told, mayPass: !isLasting };
}

const hints: Readonly<Record<string, string>> = {
  timeout: 'Check host and port of AWS_ENDPOINT, and whether a firewall or proxy is in between.',
  ENOTFOUND:
    'Check AWS_ENDPOINT, and the name servers of this machine; AWS_S3_FORCE_PATH_STYLE=true keeps the bucket out of the host.',
};
