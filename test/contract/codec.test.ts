import { openCodec } from '../../src/codecs/open.ts';
import { codecContract } from '../../testtools/codec-contract.ts';

codecContract('lz4', () => openCodec('lz4'), { checked: true });
codecContract('none', () => openCodec('none'), { checked: false });
