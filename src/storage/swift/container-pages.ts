/** What a container holds, page by page, as JSON. */
import { StorageUnavailableError } from '../errors.ts';
import { elementsOf, memberOf, textOf } from './catalog.ts';
import type { SwiftRequests } from './requests.ts';

/** What is asked for. */
export interface PageOptions {
  readonly container: string;
  /** Names begin with this. */
  readonly prefix: string;
  /** Names that go on behind the next slash are told as one folder. */
  readonly byFolder?: boolean;
  /** At most so many entries in a page; default: as many as the storage gives. */
  readonly pageSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An object as a listing tells of it. */
export interface ListedObject {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly contentType: string;
}

/** A page of a listing. */
export interface ContainerPage {
  readonly objects: readonly ListedObject[];
  /** With the slash at their ends. */
  readonly folders: readonly string[];
  /** What time it is for the storage. */
  readonly date: Date;
}

/**
 * Lists a container to its end, which is an empty page: one that is not full may have others behind it.
 *
 * @throws the errors of storages; ArchiverError (`config`) when there is no such container
 */
export async function* containerPages(
  requests: SwiftRequests,
  { container, prefix, byFolder = false, pageSize, signal }: PageOptions,
): AsyncIterable<ContainerPage> {
  for (let marker: string | undefined; ;) {
    const { json, date } = await requests.sendForJson(
      {
        ...{ action: `list "${prefix}"`, method: 'GET', place: { container }, signal },
        query: {
          ...{ format: 'json', marker },
          prefix: prefix === '' ? undefined : prefix,
          delimiter: byFolder ? '/' : undefined,
          limit: pageSize?.toString(),
        },
        headers: { accept: 'application/json' },
      },
      [],
    );
    const entries = elementsOf(json);
    const last = entries.at(-1);
    if (!Array.isArray(json) || (last !== undefined && nameOf(last) === marker)) {
      throw new StorageUnavailableError(`cannot list "${prefix}" in ${requests.config.location}: this is no listing`);
    }
    if (last === undefined) return;
    yield {
      objects: entries.flatMap(objectIn),
      folders: entries.flatMap((entry) => textOf(entry, 'subdir') ?? []),
      date,
    };
    marker = nameOf(last);
  }
}

function nameOf(entry: unknown): string {
  return textOf(entry, 'name') ?? textOf(entry, 'subdir') ?? '';
}

function objectIn(entry: unknown): readonly ListedObject[] {
  const name = textOf(entry, 'name');
  if (name === undefined) return [];
  const time = textOf(entry, 'last_modified') ?? '';
  return [
    {
      name,
      sizeBytes: Number(memberOf(entry, 'bytes') ?? 0),
      // UTC, which they don't say.
      modified: new Date(/\d$/.test(time) ? `${time}Z` : time),
      contentType: textOf(entry, 'content_type') ?? '',
    },
  ];
}
