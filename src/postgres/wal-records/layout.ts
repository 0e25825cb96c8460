/** What of WAL records differs between server versions. Facts: PostgreSQL src/include/access/xlogrecord.h, xlog_internal.h. */
import { CorruptError } from '../../errors.ts';

/** How to read the WAL of some versions. */
export interface WalLayout {
  /** Bits in `bimg_info` that say that the image of a page is compressed. */
  readonly compressedImage: number;
  /** Where in `xl_parameter_change` the `wal_level` is. */
  readonly walLevelAt: number;
}

/** Magic numbers of WAL pages: 9.5 … 11, 12 … 14, 15 … 18. Numbers in between are those of development versions. */
const layouts: readonly (WalLayout & { readonly from: number; readonly to: number })[] = [
  { from: 0xd087, to: 0xd100, compressedImage: 0x02, walLevelAt: 16 },
  { from: 0xd101, to: 0xd10f, compressedImage: 0x02, walLevelAt: 20 },
  { from: 0xd110, to: 0xd118, compressedImage: 0x04 | 0x08 | 0x10, walLevelAt: 20 },
];

/**
 * The layout of the WAL with this magic number.
 *
 * @throws CorruptError for a version that this program does not know: its records may mean something else
 */
export function layoutOf(magic: number): WalLayout {
  const layout = layouts.find(({ from, to }) => magic >= from && magic <= to);
  if (layout === undefined) {
    throw new CorruptError(`WAL pages of an unknown version, with the magic number 0x${magic.toString(16)}`);
  }
  return layout;
}
