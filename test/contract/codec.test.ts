import { openCodec } from '../../src/codecs/open.ts';
import { codecContract } from '../../testtools/codec-contract.ts';

const checked = { noticesCuts: true, noticesFlips: true };

codecContract('lz4', () => openCodec('lz4'), checked);
codecContract('zstd', () => openCodec('zstd'), checked);
codecContract('brotli', () => openCodec('brotli'), checked);
codecContract('lzma', () => openCodec('lzma'), { noticesCuts: true, noticesFlips: false });
codecContract('none', () => openCodec('none'), { noticesCuts: false, noticesFlips: false });
