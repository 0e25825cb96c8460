/** What killed uploads leave: segments that no object is made of, which no listing shows and which cost money. */
import { messageOf } from '../../errors.ts';
import { ObjectNotFoundError, StorageForbiddenError } from '../errors.ts';
import type { Abortable, Key } from '../storage.ts';
import { answerBehind } from './answer-error.ts';
import { containerPages } from './container-pages.ts';
import { deleteSegments, listedIn } from './large-object.ts';
import type { ObjectPlace } from './object-place.ts';
import type { SwiftRequests } from './requests.ts';
import { ownerOfSegment } from './segment-names.ts';

const oldMs = 24 * 60 * 60_000;

interface SegmentGroup {
  /** Of the object that they were put for, in its container. */
  readonly owner: string;
  readonly places: ObjectPlace[];
  newestMs: number;
}

/**
 * Removes our own segments below a folder of which the last came more than a day ago, by the storage's clock, and of which
 * their object is not made. Where they cannot be listed, nothing is done: it is tidying, and nobody waits for it.
 */
export async function removeOldSegments(requests: SwiftRequests, folder: Key, { signal }: Abortable): Promise<void> {
  try {
    for (const [name, { owner, places }] of await oldGroups(requests, folder, signal)) {
      const used = await namesUsedBy(requests, owner, signal);
      const unused = places.filter((place) => !used.has(place.name ?? ''));
      if (unused.length === 0) continue;
      await deleteSegments(requests, unused, { signal });
      requests.logger.info('segments of an old upload removed', { folder: name, segments: unused.length });
    }
  } catch (error) {
    signal?.throwIfAborted();
    const isAbsent = answerBehind(error)?.status === 404;
    if (!isAbsent && !(error instanceof StorageForbiddenError)) throw error;
    requests.logger.debug('old segments are not looked for', { reason: messageOf(error) });
  }
}

async function oldGroups(
  requests: SwiftRequests,
  folder: Key,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, SegmentGroup>> {
  const { segmentContainer: container } = requests.config;
  const root = requests.nameOf('');
  const prefix = folder === '' ? root : `${requests.nameOf(folder)}/`;
  const groups = new Map<string, SegmentGroup>();
  let now = requests.clock.now();
  for await (const { objects, date } of containerPages(requests, { container, prefix, signal })) {
    now = date;
    for (const { name, modified } of objects) {
      const found = ownerOfSegment(name);
      if (found === undefined) continue;
      let group = groups.get(found.folder);
      if (group === undefined) groups.set(found.folder, (group = { owner: found.name, places: [], newestMs: 0 }));
      group.places.push({ container, name });
      // One whose age isn't told is new.
      const ageKnown = modified.getTime();
      group.newestMs = Math.max(group.newestMs, Number.isNaN(ageKnown) ? Number.POSITIVE_INFINITY : ageKnown);
    }
  }
  return new Map([...groups].filter(([, { newestMs }]) => newestMs < now.getTime() - oldMs));
}

/** Asks all copies of the object: that none knows it is what makes its segments nobody's. */
async function namesUsedBy(
  requests: SwiftRequests,
  owner: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const { container } = requests.config;
  try {
    const key = owner.slice(requests.nameOf('').length);
    const places = await listedIn(requests, { container, name: owner }, { newest: true, key, signal });
    return new Set(places.map(({ name }) => name ?? ''));
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return new Set();
    throw error;
  }
}
