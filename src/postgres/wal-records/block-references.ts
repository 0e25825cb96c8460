/**
 * What one WAL record changes: the blocks that it names, and the files that it changes without naming blocks. Facts:
 * PostgreSQL src/include/access/xlogrecord.h, src/backend/access/transam/xlogreader.c (`DecodeXLogRecord`),
 * src/include/catalog/storage_xlog.h, src/include/commands/dbcommands_xlog.h, `xl_parameter_change` in xlog_internal.h.
 */
import { CorruptError } from '../../errors.ts';
import type { WalLayout } from './layout.ts';

/** Hears of what records change. */
export interface ChangeListener {
  /** A block of a fork of a relation (0 = main), written or made anew. */
  block(tablespaceOid: number, databaseOid: number, relfilenode: number, fork: number, block: number): void;
  /** The main fork was created or cut: what was in it, or behind the cut, is no longer. */
  reset(tablespaceOid: number, databaseOid: number, relfilenode: number): void;
  /** All files of a database in a tablespace were made as copies of others. */
  databaseCopied(tablespaceOid: number, databaseOid: number): void;
  /** The server runs with `wal_level = minimal`: changes to files need no records. */
  unlogged(): void;
}

/** Bytes of `XLogRecord`. */
export const recordHeaderBytes = 24;

const mainFork = 0;
const highestBlockId = 32;
const blockIds = { shortData: 255, longData: 254, origin: 253, topLevelXid: 252 } as const;
const forkBits = 0x0f;
const hasImage = 0x10;
const sameRelation = 0x80;
const imageHasHole = 0x01;

const managers = { xlog: 0, smgr: 2, dbase: 4 } as const;
const parameterChange = 0x60;
const smgrCreate = 0x10;
const smgrTruncate = 0x20;
const truncatesMainFork = 0x01;
const dbaseCreateByCopy = 0x00;
const walLevelMinimal = 0;

/** Whether it ends its segment: what follows is padding. */
export function isSwitch(view: DataView, at: number): boolean {
  return isSwitchKind(view.getUint8(at + 17), view.getUint8(at + 16));
}

/** The same, by its resource manager (`xl_rmid`) and `xl_info`. */
export function isSwitchKind(manager: number, info: number): boolean {
  return manager === managers.xlog && (info & 0xf0) === 0x40;
}

/**
 * Reads a whole record.
 *
 * @param at where it begins in `view`
 * @param length its `xl_tot_len`, at least {@link recordHeaderBytes}; that many bytes are there
 * @throws CorruptError when its parts do not add up to it
 */
export function readChanges(
  view: DataView,
  at: number,
  length: number,
  { layout, listener }: { readonly layout: WalLayout; readonly listener: ChangeListener },
): void {
  const end = at + length;
  let position = at + recordHeaderBytes;
  let dataBytes = 0;
  let tablespaceOid = 0;
  let databaseOid = 0;
  let relfilenode = 0;
  let knowsRelation = false;

  function need(bytes: number): void {
    if (position + bytes + dataBytes > end) throw malformed('its parts are longer than it');
  }

  headers: while (end - position > dataBytes) {
    need(1);
    const id = view.getUint8(position);
    position += 1;
    switch (id) {
      case blockIds.shortData:
        need(1);
        dataBytes += view.getUint8(position);
        position += 1;
        break headers;
      case blockIds.longData:
        need(4);
        dataBytes += view.getUint32(position, true);
        position += 4;
        break headers;
      case blockIds.origin:
        need(2);
        position += 2;
        continue;
      case blockIds.topLevelXid:
        need(4);
        position += 4;
        continue;
    }
    if (id > highestBlockId) throw malformed(`part ${id} is of no known kind`);
    need(3);
    const flags = view.getUint8(position);
    dataBytes += view.getUint16(position + 1, true);
    position += 3;
    if ((flags & hasImage) !== 0) {
      need(5);
      dataBytes += view.getUint16(position, true);
      const info = view.getUint8(position + 4);
      position += 5;
      if ((info & imageHasHole) !== 0 && (info & layout.compressedImage) !== 0) position += 2;
    }
    if ((flags & sameRelation) === 0) {
      need(12);
      tablespaceOid = view.getUint32(position, true);
      databaseOid = view.getUint32(position + 4, true);
      relfilenode = view.getUint32(position + 8, true);
      knowsRelation = true;
      position += 12;
    } else if (!knowsRelation) {
      throw malformed('its first block is of the relation of the one before');
    }
    need(4);
    listener.block(tablespaceOid, databaseOid, relfilenode, flags & forkBits, view.getUint32(position, true));
    position += 4;
  }
  if (position + dataBytes !== end) throw malformed('its parts are not as long as it');
  readSpecial(view, at, end, { layout, listener, position });
}

/** Records that change files beside the blocks they name. None of them names any, so that all of their data is their own. */
function readSpecial(
  view: DataView,
  at: number,
  end: number,
  {
    layout,
    listener,
    position,
  }: { readonly layout: WalLayout; readonly listener: ChangeListener; readonly position: number },
): void {
  const manager = view.getUint8(at + 17);
  const operation = view.getUint8(at + 16) & 0xf0;

  function need(bytes: number): void {
    if (position + bytes > end) throw malformed('its data is too short');
  }

  if (manager === managers.smgr && operation === smgrCreate) {
    need(16);
    if (view.getUint32(position + 12, true) === mainFork) resetAt(position);
  } else if (manager === managers.smgr && operation === smgrTruncate) {
    need(20);
    if ((view.getUint32(position + 16, true) & truncatesMainFork) !== 0) resetAt(position + 4);
  } else if (manager === managers.dbase && operation === dbaseCreateByCopy) {
    need(8);
    listener.databaseCopied(view.getUint32(position + 4, true), view.getUint32(position, true));
  } else if (manager === managers.xlog && operation === parameterChange) {
    need(layout.walLevelAt + 4);
    if (view.getUint32(position + layout.walLevelAt, true) === walLevelMinimal) listener.unlogged();
  }

  function resetAt(place: number): void {
    listener.reset(view.getUint32(place, true), view.getUint32(place + 4, true), view.getUint32(place + 8, true));
  }
}

function malformed(what: string): CorruptError {
  return new CorruptError(`malformed WAL record: ${what}`);
}
