/** The archive of binary logs: what of it is on the storage. */
import { binlogFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Key, ObjectInfo, Storage } from '../../storage/storage.ts';
import { compareBinlogNames, parseBinlogName, type BinlogName } from './binlog-name.ts';

/** A binary log on the storage. */
export interface ArchivedBinlog extends BinlogName {
  /** With the suffix of its codec. */
  readonly key: Key;
  /** As it is stored. */
  readonly sizeBytes: number;
  readonly modified: Date;
  /** Modification time in nanoseconds since 1970 where the storage knows it that exactly. */
  readonly modifiedNs?: bigint;
  /** Older objects of the same name, under other suffixes: the codec was changed and the log pushed anew. */
  readonly otherKeys: readonly Key[];
}

/** Logical key (without the suffix of a codec) of a binary log. */
export function binlogKey(name: string): Key {
  return `${binlogFolder}/${name}`;
}

/** All binary logs of the archive, one for each name, by base name and number. Objects that are none are left out. */
export async function listBinlogs(storage: Storage, options: Abortable = {}): Promise<ArchivedBinlog[]> {
  const found = new Map<string, { name: BinlogName; objects: ObjectInfo[] }>();
  for await (const entry of storage.list(binlogFolder, options)) {
    if (entry.kind !== 'object') continue;
    const name = parseBinlogName(withoutExtension(baseNameOf(entry.key)));
    if (name === undefined) continue;
    const same = found.get(name.name);
    if (same === undefined) found.set(name.name, { name, objects: [entry] });
    else same.objects.push(entry);
  }
  return [...found.values()].map(({ name, objects }) => archived(name, objects)).sort(compareBinlogNames);
}

function archived(name: BinlogName, objects: readonly ObjectInfo[]): ArchivedBinlog {
  const [newest, ...others] = objects.toSorted((a, b) => b.modified.getTime() - a.modified.getTime());
  if (newest === undefined) throw new Error(`no object of ${name.name}`);
  const { key, sizeBytes, modified, modifiedNs } = newest;
  const otherKeys = others.map((object) => object.key);
  return { ...name, key, sizeBytes, modified, ...(modifiedNs === undefined ? {} : { modifiedNs }), otherKeys };
}
