/**
 * Names of our segments: `<name of the object>/.walvault/<time>-<random>/<number>`, in a container of their own. They say
 * whose they are, so that those of killed uploads can be told from others'.
 */
import { randomBytes } from 'node:crypto';
import { ArchiverError } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Key } from '../storage.ts';

const mark = '/.walvault/';
const longestName = 1024;

/** The start of the names of one upload's segments, another one for each upload. @throws ArchiverError (`config`) */
export function newSegmentFolder(name: string, clock: Pick<Clock, 'now'>): string {
  const time = clock
    .now()
    .toISOString()
    .replace(/[-:]|\.\d+/g, '');
  const folder = `${name}${mark}${time}-${randomBytes(8).toString('hex')}/`;
  if (Buffer.byteLength(segmentName(folder, 0)) <= longestName) return folder;
  throw new ArchiverError('config', `the name "${name}" is too long for an object of several segments`, {
    hint: 'Use a shorter prefix or name, or set SWIFT_SEGMENT_SIZE to more than the object has.',
  });
}

/** The name of a segment. */
export function segmentName(folder: string, number: number): string {
  return folder + String(number).padStart(8, '0');
}

/** The name of a list of segments that is part of another list. */
export function listName(folder: string, number: number): string {
  return `${folder}list-${String(number).padStart(8, '0')}`;
}

/** Whose segment it is; undefined when it is none of ours. */
export function ownerOfSegment(segment: string): { readonly name: Key; readonly folder: string } | undefined {
  const [, folder, name] = /^((.+)\/\.walvault\/\d{8}T\d{6}Z-[0-9a-f]{16}\/)(?:list-)?\d{8}$/s.exec(segment) ?? [];
  return folder === undefined || name === undefined ? undefined : { name, folder };
}
