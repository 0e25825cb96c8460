/** What a server sends its clients: payloads of the client/server protocol 4.1, with EOF packets. Pure. */

const autocommit = 0x0002;

/** An OK packet. */
export const okPacket = Buffer.from([0, 0, 0, autocommit, 0, 0, 0]);

/** The end of columns, of rows, of a stream of events. */
export const endPacket = Buffer.from([0xfe, 0, 0, autocommit, 0]);

/** A refusal. */
export function errorPacket(errno: number, sqlState: string, message: string): Buffer {
  const head = Buffer.from([0xff, errno & 0xff, errno >> 8]);
  return Buffer.concat([head, Buffer.from(`#${sqlState}${message}`)]);
}

/** An answer with rows of text: the payloads one after another. */
export function resultSet(columns: readonly string[], rows: readonly (readonly string[])[]): readonly Buffer[] {
  return [
    Buffer.from([columns.length]),
    ...columns.map(columnDefinition),
    endPacket,
    ...rows.map((row) => Buffer.concat(row.map(lengthEncoded))),
    endPacket,
  ];
}

const utf8 = 33;
const varString = 0xfd;

function columnDefinition(name: string): Buffer {
  const fixed = Buffer.alloc(13);
  fixed.writeUInt8(0x0c, 0);
  fixed.writeUInt16LE(utf8, 1);
  fixed.writeUInt32LE(1024, 3);
  fixed.writeUInt8(varString, 7);
  return Buffer.concat([...['def', '', '', '', name, name].map(lengthEncoded), fixed]);
}

/** Texts of at most 64 KiB. */
function lengthEncoded(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = bytes.length < 251 ? [bytes.length] : [0xfc, bytes.length & 0xff, bytes.length >> 8];
  return Buffer.concat([Buffer.from(head), bytes]);
}
