/** Deleting: up to 1,000 objects by one request, or one by one where a storage has only that. */
import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import type { ArchiverError } from '../../errors.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../errors.ts';
import { retryDelayMs } from '../retry.ts';
import type { Key } from '../storage.ts';
import { answerBehind, errorOf, mayPass, S3AnswerError } from './answer-error.ts';
import type { VerbOptions } from './object-requests.ts';
import type { S3Requests } from './request.ts';
import { sendBySdk } from './sdk.ts';
import { keepsVersions, versionsOf, type ObjectVersion } from './versions.ts';

const sideBySide = 16;
const attempts = 5;

/** What was not deleted, and why. */
interface Refusal {
  readonly version: ObjectVersion;
  readonly answer: S3AnswerError;
}

/** Deletes objects of one bucket; remembers what the storage has. */
export class S3Deletion {
  readonly #requests: S3Requests;
  readonly #logger: Logger;
  #versioned: boolean | undefined;
  #oneByOne = false;

  constructor(requests: S3Requests, logger: Logger) {
    this.#requests = requests;
    this.#logger = logger;
    this.#versioned = requests.config.objects.versioning;
  }

  /** Deletes objects, with all their versions where the bucket keeps them. Missing ones are no error. */
  async delete(keys: readonly Key[], { signal }: VerbOptions = {}): Promise<void> {
    if (keys.length === 0) return;
    this.#versioned ??= await keepsVersions(this.#requests, { signal, logger: this.#logger });
    for (const group of this.#versioned ? groupsByFolder(keys, this.#batch) : [keys]) {
      const versions: readonly ObjectVersion[] = this.#versioned
        ? await versionsOf(this.#requests, group, { signal })
        : group.map((key) => ({ key }));
      for (const batch of inGroups(versions, this.#batch)) await this.#deleteBatch(batch, signal);
    }
  }

  get #batch(): number {
    return this.#requests.config.objects.deleteBatch;
  }

  async #deleteBatch(batch: readonly ObjectVersion[], signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#oneByOne && batch.length > 1) {
      try {
        await this.#deleteTogether(batch, signal);
        return;
      } catch (error) {
        const answer = answerBehind(error);
        if (answer === undefined || !isNotUnderstood(answer)) throw error;
        this.#oneByOne = true;
        this.#logger.debug('the storage does not delete many objects at once', { reason: answer.message });
      }
    }
    for (const few of inGroups(batch, sideBySide)) {
      await Promise.all(few.map((one) => this.#deleteOne(one, signal)));
    }
  }

  async #deleteOne({ key, versionId }: ObjectVersion, signal: AbortSignal | undefined): Promise<void> {
    try {
      const answer = await this.#requests.send({
        action: `delete "${key}"`,
        method: 'DELETE',
        key,
        query: { versionId },
        signal,
      });
      await answer.discard();
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
    }
  }

  /** What could not be deleted for a reason that may pass is asked for again. */
  async #deleteTogether(batch: readonly ObjectVersion[], signal: AbortSignal | undefined): Promise<void> {
    let left = batch;
    for (let attempt = 1; ; attempt += 1) {
      const refusals = await this.#askToDelete(left, signal);
      const [first] = refusals;
      if (first === undefined) return;
      const told = ({ version, answer }: Refusal): ArchiverError =>
        errorOf(answer, {
          action: `delete "${version.key}"${refusals.length > 1 ? ` and ${refusals.length - 1} more` : ''}`,
          location: this.#requests.config.location,
        });
      const lasting = refusals.find(({ answer }) => !mayPass(answer));
      if (lasting !== undefined) throw told(lasting);
      if (attempt >= attempts) throw told(first);
      await systemClock.sleep(retryDelayMs({ attempts, firstDelayMs: 500, maxDelayMs: 10_000 }, attempt), signal);
      left = refusals.map(({ version }) => version);
    }
  }

  async #askToDelete(versions: readonly ObjectVersion[], signal: AbortSignal | undefined): Promise<readonly Refusal[]> {
    const objects = versions.map(({ key, versionId }) => ({ Key: this.#requests.inBucket(key), VersionId: versionId }));
    const { Errors: refused = [] } = await sendBySdk(
      this.#requests,
      new DeleteObjectsCommand({
        Bucket: this.#requests.config.bucket,
        Delete: { Objects: objects, Quiet: true },
      }),
      // Old storages demand MD5.
      { action: `delete ${versions.length} objects`, checksum: 'md5', root: 'DeleteResult', signal },
    );
    return refused.flatMap(({ Key: name, VersionId: id = '', Code: code = '', Message: text = '' }) => {
      if (/^(NoSuchKey|NoSuchVersion|NotFound)$/.test(code)) return [];
      const ofKey = versions.filter(({ key }) => this.#requests.inBucket(key) === name);
      const exact = ofKey.filter(({ versionId }) => versionId === id);
      // What nobody can tell is asked for again as a whole.
      const meant = [exact, ofKey, versions].find((some) => some.length > 0) ?? [];
      return meant.map((version) => ({ version, answer: new S3AnswerError(statusOf(code), {}, { code, text }) }));
    });
  }
}

/** Refusals of the request as such, not of what it asks for. */
function isNotUnderstood({ status, code }: S3AnswerError): boolean {
  return status === 405 || status === 501 || (status === 400 && !/^(Expired|InvalidToken|Authorization)/.test(code));
}

/** Errors within an answer have no status of their own. */
function statusOf(code: string): number {
  if (/^(AccessDenied|AllAccessDisabled|ObjectLock|Forbidden)/.test(code)) return 403;
  return /^(SlowDown|ServiceUnavailable|Throttl)/.test(code) ? 503 : 500;
}

/** Keys of the same folder together, in groups of at most `size`, neighbours by name in one. */
function groupsByFolder(keys: readonly Key[], size: number): readonly (readonly Key[])[] {
  const folders = new Map<string, Key[]>();
  for (const key of [...keys].sort()) {
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const found = folders.get(folder);
    if (found === undefined) folders.set(folder, [key]);
    else found.push(key);
  }
  return [...folders.values()].flatMap((group) => inGroups(group, size));
}

function inGroups<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const groups: (readonly T[])[] = [];
  for (let at = 0; at < items.length; at += size) groups.push(items.slice(at, at + size));
  return groups;
}
