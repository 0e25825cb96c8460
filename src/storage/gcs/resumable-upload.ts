/**
 * An upload in chunks, which goes on where it was when a chunk broke off ("resumable upload" of Google). Nothing is visible
 * before the last chunk is there.
 */
import { NetworkError } from '../../network/http.ts';
import { StorageUnavailableError } from '../errors.ts';
import type { Key } from '../storage.ts';
import { GcsAnswerError, judged, type Asked } from './answer-error.ts';
import { crc32cText, isAsSent, type GcsObject } from './object-resource.ts';
import { removeWrong } from './wrong-object.ts';
import { jsonOf, type GcsRequests } from './requests.ts';

/** What belongs to the last chunk. */
export interface UploadEnd {
  readonly crc32c: number;
  readonly totalBytes: number;
}

/** What an upload is to do. */
export interface UploadTarget {
  readonly key: Key;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The upload can't go on; another one may do better. */
class BrokenUploadError extends StorageUnavailableError {}

const cancelMs = 10_000;
/** Statuses of the protocol besides success: "go on". */
const incomplete = 308;

/** One upload that has begun. */
export class ResumableUpload {
  readonly #requests: GcsRequests;
  readonly #target: UploadTarget;
  readonly #address: URL;
  readonly #asked: Asked;
  /** Bytes that the storage has. */
  #persisted = 0;

  private constructor(requests: GcsRequests, target: UploadTarget, address: URL) {
    this.#requests = requests;
    this.#target = target;
    this.#address = address;
    this.#asked = { ...target, action: `write "${target.key}"`, location: requests.config.location };
  }

  /** Begins. @throws ObjectExistsError with `ifAbsent`, the other errors of storages */
  static async begin(requests: GcsRequests, target: UploadTarget): Promise<ResumableUpload> {
    const { key, ifAbsent, signal } = target;
    const answer = await requests.send({
      action: `write "${key}"`,
      method: 'POST',
      to: requests.objectsPath('/upload'),
      query: { uploadType: 'resumable', name: requests.nameOf(key), ...(ifAbsent && { ifGenerationMatch: 0 }) },
      headers: { ...requests.customerKeyHeaders(), 'x-upload-content-type': 'application/octet-stream' },
      body: [],
      key,
      ifAbsent,
      signal,
    });
    await answer.discard();
    const address = URL.parse(answer.headers.location ?? '', requests.config.endpoint);
    if (address === null || !/^https?:$/.test(address.protocol)) {
      throw new StorageUnavailableError(
        `cannot write "${key}" in ${requests.config.location}: the storage gave no address to upload to`,
      );
    }
    return new ResumableUpload(requests, target, address);
  }

  /**
   * Sends the next bytes, which are held until it resolves. With `end` they are the last, and the object is there then.
   *
   * @param chunks a multiple of 256 KiB in all, but for the last
   * @throws the errors of storages; then the upload is to be cancelled
   */
  async send(chunks: readonly Uint8Array[], end?: UploadEnd): Promise<void> {
    const { signal } = this.#target;
    const first = this.#persisted;
    const behind = first + chunks.reduce((sum, { length }) => sum + length, 0);
    let trying = this.#requests.patience.begin(this.#asked.action);
    for (let lost = false; ;) {
      const before = this.#persisted;
      try {
        const done = lost ? await this.#ask(end) : await this.#sendRest(chunks, { first, behind, end });
        if (done || (this.#persisted === behind && end === undefined)) return;
        if (this.#persisted < first || this.#persisted > behind) throw this.#broken('has other bytes than were sent');
        // Bytes that are all there without an object, or none that came further: as good as no answer.
        if (this.#persisted === before && !lost) throw new NetworkError('the storage took nothing of the chunk');
        if (this.#persisted > before) trying = this.#requests.patience.begin(this.#asked.action);
        lost = false;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof BrokenUploadError) throw error;
        if (error instanceof GcsAnswerError && (error.status === 404 || error.status === 410)) {
          throw this.#broken('is no longer known', error);
        }
        if (error instanceof GcsAnswerError && error.isMismatch)
          throw this.#broken('has other bytes than were sent', error);
        await trying.pause(judged(error, this.#asked), signal);
        lost = true;
      }
    }
  }

  /** Gives up: the storage forgets what it has. Never fails; what is not told to it, it forgets after a week. */
  async cancel(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(cancelMs);
      const request = { action: 'cancel an upload', method: 'DELETE', to: this.#address, body: [], signal } as const;
      // 499 is how Google says that it did so.
      const answer = await this.#requests.attempt({ ...request, accepts: [404, 410, 499] });
      await answer.discard();
    } catch (error) {
      const { key } = this.#target;
      const reason = error instanceof Error ? error.message : String(error);
      this.#requests.logger.debug('upload not cancelled', { key, reason });
    }
  }

  /** What the storage doesn't have yet. @returns whether the object is there */
  async #sendRest(
    chunks: readonly Uint8Array[],
    { first, behind, end }: { readonly first: number; readonly behind: number; readonly end: UploadEnd | undefined },
  ): Promise<boolean> {
    const from = this.#persisted;
    const total = end?.totalBytes ?? '*';
    const range = from === behind ? `*/${total}` : `${from}-${behind - 1}/${total}`;
    return this.#put(range, behindFirst(chunks, from - first), end);
  }

  /** Asks how far it came. @returns whether the object is there */
  #ask(end: UploadEnd | undefined): Promise<boolean> {
    return this.#put('*/*', [], end);
  }

  async #put(range: string, body: readonly Uint8Array[], end: UploadEnd | undefined): Promise<boolean> {
    const { signal } = this.#target;
    const isLast = end !== undefined && range !== '*/*';
    const answer = await this.#requests.attempt({
      action: this.#asked.action,
      method: 'PUT',
      to: this.#address,
      headers: {
        'content-range': `bytes ${range}`,
        // Checked before the object becomes visible.
        ...(isLast && { 'x-goog-hash': `crc32c=${crc32cText(end.crc32c)}` }),
      },
      body,
      accepts: [incomplete],
      signal,
    });
    this.#requests.patience.noteAnswer();
    if (answer.status === incomplete) {
      await answer.discard();
      const persisted = /^bytes=0-(\d+)$/.exec(answer.headers.range ?? '')?.[1];
      this.#persisted = persisted === undefined ? 0 : Number(persisted) + 1;
      return false;
    }
    const object = await jsonOf<GcsObject>(answer);
    if (end === undefined) throw this.#broken('ended before its end');
    if (!isAsSent(object, end)) {
      await removeWrong(this.#requests, this.#target.key, object);
      throw this.#broken('became an object of other bytes than were sent');
    }
    return true;
  }

  #broken(what: string, cause?: unknown): BrokenUploadError {
    const { action, location } = this.#asked;
    return new BrokenUploadError(`cannot ${action} in ${location}: the upload ${what}`, { cause });
  }
}

/** The chunks less so many bytes at their beginning. */
function behindFirst(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    return skipped === chunk.length ? [] : [chunk.subarray(skipped)];
  });
}
