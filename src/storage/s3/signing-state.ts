/** What signatures depend on and refusals correct: the region, the time, the credentials. */
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { S3AnswerError } from './answer-error.ts';
import type { AwsCredentials, CredentialSource } from './credentials.ts';

/** What one try was signed with. */
export interface Signing {
  readonly region: string;
  readonly credentials: AwsCredentials;
  readonly date: Date;
}

/** What a signing state starts from. */
export interface SigningStateOptions {
  /** Undefined: `findRegion` is asked. */
  readonly region: string | undefined;
  readonly findRegion: (state: SigningState) => Promise<string>;
  /** Asked for when the region is known. */
  readonly credentials: (region: string) => CredentialSource;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Storages sign a quarter of an hour around their own time; their refusals of HEAD don't say that this was it. */
const noticeableSkewMs = 5 * 60_000;

/** Shared by all requests to a bucket. */
export class SigningState {
  readonly #options: SigningStateOptions;
  #region: string | undefined;
  #asking: Promise<string> | undefined;
  #source: CredentialSource | undefined;
  #clockOffsetMs = 0;

  constructor(options: SigningStateOptions) {
    this.#options = options;
    this.#region = options.region;
  }

  /** What to sign the next try with. @param region when it is not for the region of the bucket */
  async next(region?: string): Promise<Signing> {
    const where = region ?? this.#region ?? (await this.#askRegion());
    this.#source ??= this.#options.credentials(where);
    const credentials = await this.#source.get();
    return { region: where, credentials, date: new Date(this.#options.clock.now().getTime() + this.#clockOffsetMs) };
  }

  /** Takes from a refusal what it teaches. @returns what is corrected now, so that another try has a point */
  learn(answer: S3AnswerError, used: Signing): 'region' | 'clock' | 'credentials' | undefined {
    const { status, code, region, date } = answer;
    const { logger, clock } = this.#options;
    const isElsewhere =
      status === 301 || status === 307 || code === 'AuthorizationHeaderMalformed' || (status === 400 && code === '');
    if (isElsewhere && region !== undefined && region !== used.region) {
      if (region !== this.#region) {
        logger.warn('the bucket is in another region: set AWS_REGION to it', { region, used: used.region });
      }
      this.#region = region;
      return 'region';
    }
    const skewMs = date === undefined ? 0 : date.getTime() - used.date.getTime();
    const isSkewed = code === 'RequestTimeTooSkewed' || (status === 403 && code === '');
    if (isSkewed && date !== undefined && Math.abs(skewMs) > noticeableSkewMs) {
      this.#clockOffsetMs = date.getTime() - clock.now().getTime();
      logger.warn('the clock of this machine is wrong', { aheadMs: -this.#clockOffsetMs });
      return 'clock';
    }
    if (/^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired)$/.test(code)) {
      return this.#source?.renew(used.credentials) === true ? 'credentials' : undefined;
    }
    return undefined;
  }

  /** Once for all who wait. */
  #askRegion(): Promise<string> {
    this.#asking ??= this.#options
      .findRegion(this)
      .then((region) => (this.#region = region))
      .finally(() => (this.#asking = undefined));
    return this.#asking;
  }
}
