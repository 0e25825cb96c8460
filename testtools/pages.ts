/** Pages of relations, made for tests. */
import { pageChecksum } from '../src/postgres/pages/checksum.ts';
import { pageBytes } from '../src/postgres/pages/page-scan.ts';

/** Fields of a page's header; defaults make an ordinary page. */
export interface PageFields {
  readonly lsn: bigint;
  readonly flags?: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly special?: number;
  readonly sizeAndLayout?: number;
  /** With a checksum for this block of its relation; undefined: with none. */
  readonly block?: number | undefined;
  /** Every byte behind the header. */
  readonly filling?: number;
}

const headerBytes = 24;

/** Makes a page. */
export function madePage(fields: PageFields): Uint8Array<ArrayBuffer> {
  const {
    lsn,
    flags = 0,
    lower = 40,
    upper = 8000,
    special = pageBytes,
    sizeAndLayout = 0x2004,
    filling = 0x5a,
  } = fields;
  const page = new Uint8Array(pageBytes).fill(filling, headerBytes);
  const view = new DataView(page.buffer);
  view.setUint32(0, Number(lsn >> 32n), true);
  view.setUint32(4, Number(lsn & 0xffff_ffffn), true);
  view.setUint16(10, flags, true);
  view.setUint16(12, lower, true);
  view.setUint16(14, upper, true);
  view.setUint16(16, special, true);
  view.setUint16(18, sizeAndLayout, true);
  if (fields.block !== undefined) view.setUint16(8, pageChecksum(page, fields.block), true);
  return page;
}
