/** From settings to the storage. */
import { systemClock } from '../../platform/clock.ts';
import type { OpenAdapter } from '../open.ts';
import { openUploadBuffers } from '../upload-buffers.ts';
import { sftpConfig } from './config.ts';
import { logIn } from './login.ts';
import { SftpSession } from './session.ts';
import { SftpStorage } from './sftp-storage.ts';

const mib = 1024 * 1024;
/** What a connection carries at once in one direction. */
const mostAheadBytes = 2 * mib;
const leastAheadBytes = mib / 4;

/** Opens SFTP; the server is asked nothing. @throws ArchiverError (`config`) */
export const openSftpStorage: OpenAdapter = (raw, { logger, buffers, clock = systemClock }) => {
  const config = sftpConfig(raw, { logger });
  const session = new SftpSession({ config, clock, logger, open: () => logIn(config, { clock, logger }) });
  // Bytes are sent as they come, so that there are no parts; what is on its way is memory all the same.
  const { limitBytes } = buffers ?? openUploadBuffers(raw);
  const aheadBytes = Math.min(mostAheadBytes, Math.max(leastAheadBytes, Math.floor(limitBytes / 32)));
  return Promise.resolve(new SftpStorage(session, aheadBytes));
};
