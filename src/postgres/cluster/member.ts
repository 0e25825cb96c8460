/** From what the walk saw to a tar header, with the names of owners. */
import { readFileSync } from 'node:fs';
import type { TarHeader } from '../../archive/header.ts';
import type { ClusterEntry } from './walk.ts';

/** Names by number, as plain data; numbers without a name are missing. */
export interface Owners {
  readonly users: Readonly<Record<number, string>>;
  readonly groups: Readonly<Record<number, string>>;
}

const nanosecondsPerSecond = 1_000_000_000n;

/** The header of a member; its modification time is rounded to the nearest second, as WAL-G's are. */
export function headerOf(entry: ClusterEntry, owners: Owners): TarHeader {
  return {
    name: entry.name,
    type: entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    sizeBytes: entry.sizeBytes,
    mtimeSeconds: Number((entry.mtimeNs + nanosecondsPerSecond / 2n) / nanosecondsPerSecond),
    linkName: entry.linkTarget,
    userName: owners.users[entry.uid] ?? '',
    groupName: owners.groups[entry.gid] ?? '',
  };
}

/** Names of local users and groups; those of a directory service are not asked for, a restore needs none of them. */
export function readOwners(): Owners {
  return { users: namesByNumber('/etc/passwd'), groups: namesByNumber('/etc/group') };
}

/** Both files have the name in the first and the number in the third field. */
function namesByNumber(path: string): Record<number, string> {
  const names: Record<number, string> = {};
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return names;
  }
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    if (name !== '' && /^\d+$/.test(number)) names[Number(number)] ??= name;
  }
  return names;
}
