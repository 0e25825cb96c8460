/**
 * The last steps of a restore, in an order that matters: only when everything is in place and on disk does the directory
 * get its `pg_control`, without which no server starts.
 */
import { chmodSync, existsSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import { syncFolder } from '../../platform/files.ts';
import { controlFilePath } from '../pgdata.ts';
import type { FetchedPart } from './fetch-part.ts';
import { HostileMemberError, type MemberPath } from './member-path.ts';
import { restoreError } from './local-file.ts';
import { localPath, openRestoreTarget, type RestoreLayout } from './restore-target.ts';
import type { SmallFile } from './small-tar.ts';

/** Where `pg_control` waits until everything else is in place. */
export const heldBackControlPath: MemberPath = `${controlFilePath}.walvault`;

/** What is left to do when all parts are unpacked. */
export interface RestoreRemainder {
  readonly layout: RestoreLayout;
  readonly parts: readonly FetchedPart[];
  /** The label and the like; they replace what parts brought under the same name. */
  readonly files: ReadonlyMap<MemberPath, SmallFile>;
  /** Written last; undefined when it is not wanted, or a part has brought it as {@link heldBackControlPath}. */
  readonly control: SmallFile | undefined;
  /** `pg_wal` is made when the backup has none (it was a symbolic link); undefined: not. */
  readonly walDirectory: 'pg_wal' | 'pg_xlog' | undefined;
  /** Texts to append to files, such as recovery settings. An empty text makes an empty file. */
  readonly additions: ReadonlyMap<MemberPath, string>;
  readonly durable: boolean;
}

/** A link whose target the backup does not tell: WAL-G stores its own name there. */
export interface LostLink {
  readonly path: MemberPath;
}

/** Finishes a restore. @returns the links that could not be made since their target is not recorded */
export async function completeRestore(remainder: RestoreRemainder): Promise<readonly LostLink[]> {
  const { layout, parts, files, control, additions, durable } = remainder;
  const target = openRestoreTarget(layout, { durable, inPlace: false });
  for (const [path, { bytes, mode }] of files) writeWhole(path, bytes, mode);
  await target.settled();
  if (remainder.walDirectory !== undefined && !existsSync(localPath(layout, remainder.walDirectory))) {
    target.makeDirectory(remainder.walDirectory);
  }
  for (const [path, text] of additions) {
    writeFileSync(localPath(layout, path), text, { flag: 'a', mode: 0o600, flush: durable });
  }
  // Links after all files, so that nothing was written through one.
  for (const name of Object.keys(layout.tablespaces)) makeLink(`pg_tblspc/${name}`, layout.tablespaces[name] ?? '');
  const links = parts.flatMap((part) => part.links);
  const lost = links.filter(({ path, target: leadsTo }) => leadsTo === '' || leadsTo === lastOf(path));
  for (const link of links) if (!lost.includes(link)) makeLink(link.path, link.target);

  const deepestFirst = parts.flatMap((part) => part.directories).toSorted((a, b) => b.path.length - a.path.length);
  // Remote backups do not tell the mode of the data directory, and a server accepts only its owner's.
  if (!deepestFirst.some(({ path }) => path === '')) chmodSync(layout.destination, 0o700);
  for (const { path, mode } of deepestFirst) chmodSync(localPath(layout, path), mode & 0o7777);
  if (durable) for (const directory of directoriesOf(remainder)) syncFolder(directory);

  if (control !== undefined) writeWhole(heldBackControlPath, control.bytes, control.mode);
  await target.settled();
  if (!existsSync(localPath(layout, heldBackControlPath))) return lost;
  renameSync(localPath(layout, heldBackControlPath), localPath(layout, controlFilePath));
  if (durable) syncFolder(dirname(localPath(layout, controlFilePath)));
  return lost;

  function writeWhole(path: MemberPath, bytes: Uint8Array, mode: number): void {
    const sink = target.openFile(path, mode);
    try {
      sink.write(bytes);
      sink.end();
    } catch (error) {
      sink.abort();
      throw error;
    }
  }

  function makeLink(path: MemberPath, leadsTo: string): void {
    const local = `${layout.destination}/${path}`;
    if (path.includes('/')) target.makeDirectory(path.slice(0, path.lastIndexOf('/')));
    try {
      symlinkSync(leadsTo, local);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw new HostileMemberError(path, 'is a link and something else');
      throw restoreError(error, local, path);
    }
  }
}

function lastOf(path: MemberPath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Every directory that was made or written to, and the one above the destination. */
function directoriesOf({ layout, parts }: RestoreRemainder): ReadonlySet<string> {
  const roots = [layout.destination, ...Object.values(layout.tablespaces)];
  return new Set(
    [
      ...parts.flatMap((part) => part.touched),
      `${layout.destination}/pg_tblspc`,
      ...roots,
      ...roots.map((root) => dirname(root)),
    ].filter((directory) => existsSync(directory)),
  );
}
