/** Names of tar members, and where they lead. Nothing that an archive names may leave the place it is restored to. */
import { CorruptError } from '../../errors.ts';

/** `'/'`-separated path below the data directory, without leading or trailing slash; `''` is the directory itself. */
export type MemberPath = string;

/** A member or a path of the backup that must not be restored as it is named. */
export class HostileMemberError extends CorruptError {
  constructor(name: string, what: string) {
    super(`tar member ${JSON.stringify(name)} ${what}`, {
      hint: 'The backup was damaged or made to harm; nothing of this member was written.',
    });
  }
}

/**
 * The path that a member name means. Local backups write `/base/1/1247` and `/` for the root, remote ones `base/1/1247`,
 * `base/1/` and, as the server sends it, `./pg_wal/archive_status/`; all mean paths below the data directory.
 *
 * @throws HostileMemberError for `..`, `.`, empty components, NUL, or no name at all
 */
export function memberPath(name: string): MemberPath {
  if (name === '/') return '';
  const lead = name.startsWith('./') ? 2 : name.startsWith('/') ? 1 : 0;
  const path = name.slice(lead, name.endsWith('/') ? -1 : undefined);
  for (const component of path.split('/')) {
    if (component === '..') throw new HostileMemberError(name, 'leads out of the data directory');
    if (component === '' || component === '.' || component.includes('\0')) {
      throw new HostileMemberError(name, 'is no proper path');
    }
  }
  return path;
}
