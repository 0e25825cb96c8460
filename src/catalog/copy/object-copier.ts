/** Copies single objects from an archive to another one: as they are, or decoded and encoded anew. */
import { rateLimited, type RateLimiter } from '../../bytes/rate-limiter.ts';
import { counted, type ByteSource } from '../../bytes/stage.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { pushObject, pushPlain, type PushOptions } from '../../pipeline/push-object.ts';
import { decoding, type Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectExistsError } from '../../storage/errors.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { isEncoded, isPartial } from './copied-names.ts';
import { TargetDiffersError, type CopiedObject } from './copied-object.ts';
import { beginsAlike } from './same-content.ts';

/** What copying needs. */
export interface CopyOptions {
  /** By the numbers that the plan has for them. */
  readonly sources: readonly Transport[];
  readonly target: Transport;
  /** Decode what the source has, and encode it as the target does. */
  readonly reencode: boolean;
  /** Objects at once. */
  readonly concurrency: number;
  readonly limiter: RateLimiter | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told all bytes of the source that were read so far. */
  readonly onProgress: (bytes: number) => void;
  /** Encodes a big object anew in another thread, which tells its progress itself; default: in this one. */
  readonly reencodeInThread?: ((copied: CopiedObject) => Promise<CopyResult>) | undefined;
  /** Called before each sentinel is written: throws when the copy must not go on. */
  readonly check?: (() => void) | undefined;
}

/** What was done. */
export interface CopyResult {
  readonly copiedObjects: number;
  /** As written. */
  readonly copiedBytes: number;
  /** Objects that were there already. */
  readonly presentObjects: number;
}

/** Smaller objects are encoded before a thread has been asked. */
const threadBytes = 256 * 1024;

/** An object of the source. */
export type SourceObject = Pick<CopiedObject, 'object' | 'source'>;

/** Copies single objects, and counts. */
export class ObjectCopier {
  readonly #options: CopyOptions;
  #readBytes = 0;
  #copiedObjects = 0;
  #copiedBytes = 0;
  #presentObjects = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  result(): CopyResult {
    return {
      copiedObjects: this.#copiedObjects,
      copiedBytes: this.#copiedBytes,
      presentObjects: this.#presentObjects,
    };
  }

  /** Counts an object that was written by others for the copy, or found. */
  count(writtenBytes: number | undefined): void {
    if (writtenBytes === undefined) this.#presentObjects += 1;
    else {
      this.#copiedObjects += 1;
      this.#copiedBytes += writtenBytes;
    }
  }

  /** Copies an object unless it is there. */
  async copy(copied: CopiedObject): Promise<void> {
    const { object, state, to } = copied;
    if (state === 'present') {
      this.count(undefined);
      this.#advance(object.sizeBytes);
    } else if (state === 'unproven') {
      if (!(await this.#beginsAlike(copied))) throw new TargetDiffersError([`"${to}"`]);
      this.count(undefined);
      this.#advance(object.sizeBytes);
    } else if (isPartial(to)) await this.#copyPartial(copied);
    else await this.#write(copied);
  }

  /** By the time it is read there may be more of it, or the whole segment in its place. */
  async #copyPartial(copied: CopiedObject): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#write(copied);
    } catch (error) {
      // From a thread it comes without its class.
      if (!(error instanceof ArchiverError) || error.kind !== 'missing') throw error;
      logger.info('not copied, it is whole by now', { key: copied.object.key });
    }
  }

  async #write(copied: CopiedObject): Promise<void> {
    const { object, to } = copied;
    const { target, reencode, reencodeInThread, signal, logger } = this.#options;
    if (reencode && isEncoded(to) && reencodeInThread !== undefined && object.sizeBytes >= threadBytes) {
      const { copiedBytes } = await reencodeInThread(copied);
      this.count(copiedBytes);
      return;
    }
    const options = { ifAbsent: !isPartial(to), signal, logger };
    try {
      const bytes =
        reencode && isEncoded(to)
          ? await this.#reencode(copied, options)
          : await pushPlain(target.storage, to, () => this.read(copied), options);
      this.count(bytes);
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
      // Someone else wrote it meanwhile, or the answer to our own first attempt was lost.
      const info = await target.storage.stat(to, { signal });
      const isOurs = reencode ? await this.#beginsAlike(copied) : info?.sizeBytes === object.sizeBytes;
      if (!isOurs) throw new TargetDiffersError([`"${to}"`]);
      this.count(info?.sizeBytes ?? 0);
    }
  }

  async #reencode(copied: CopiedObject, options: PushOptions): Promise<number> {
    const { target } = this.#options;
    const open = (): ByteSource => this.readDecoded(copied);
    const { storedBytes } = await pushObject(target, withoutExtension(copied.to), open, options);
    return storedBytes;
  }

  /** The bytes of an object of the source, limited and counted. @throws CorruptError when it is not as long as it was listed */
  async *read({ object, source }: SourceObject, { isCounted = true } = {}): ByteSource {
    const { limiter, signal } = this.#options;
    const { storage } = this.#transport(source);
    const stored = await storage.read(object.key, { signal });
    let bytes = 0;
    const counting = counted((more) => {
      bytes += more;
      if (isCounted) this.#advance(more);
    })(stored);
    yield* limiter === undefined ? counting : rateLimited(limiter, signal)(counting);
    if (bytes !== object.sizeBytes && !isPartial(object.key)) throw changed(object, bytes);
  }

  /** The same, decrypted and decompressed. @throws CorruptError */
  async *readDecoded(copied: SourceObject, options: { readonly isCounted?: boolean } = {}): ByteSource {
    const decode = await decoding(this.#transport(copied.source), copied.object.key);
    try {
      yield* decode(this.read(copied, options));
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      throw new CorruptError(`"${copied.object.key}" of the source cannot be decoded: ${error.message}`, {
        cause: error,
        hint: error.hint,
      });
    }
  }

  #beginsAlike(copied: CopiedObject): Promise<boolean> {
    const { target, signal } = this.#options;
    return beginsAlike(this.readDecoded(copied, { isCounted: false }), target, copied.to, { signal });
  }

  #transport(source: number): Transport {
    const transport = this.#options.sources[source];
    if (transport === undefined) throw new Error(`no source of number ${source}`);
    return transport;
  }

  #advance(bytes: number): void {
    this.#options.onProgress((this.#readBytes += bytes));
  }
}

function changed({ key, sizeBytes }: ObjectInfo, bytes: number): CorruptError {
  return new CorruptError(`"${key}" of the source has ${bytes} bytes, listed ${sizeBytes}`, {
    hint: 'It was replaced meanwhile, or is damaged. Copy again.',
  });
}
