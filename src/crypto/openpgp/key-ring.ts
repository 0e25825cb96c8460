/** What the bulk path of OpenPGP needs of the keys: session keys, wrapped for the recipients and unwrapped again. */
import type { Stage } from '../../bytes/stage.ts';

/** The key of one message. */
export interface SessionKey {
  readonly cipher: 'aes128' | 'aes192' | 'aes256';
  /** 16, 24 or 32 bytes. */
  readonly key: Uint8Array;
}

/** The keys of an armored text or of GnuPG. */
export interface KeyRing {
  /**
   * A fresh session key, and the PKESK packets (version 3, headers included) that wrap it for every recipient.
   *
   * @throws ArchiverError (`config`) when a key can't encrypt: expired, revoked, not meant for it
   */
  newSession(): Promise<{ readonly session: SessionKey; readonly packets: Uint8Array }>;
  /**
   * Unwraps the session key of a message.
   *
   * @param packets the whole PKESK packets that stand before the encrypted data
   * @throws ArchiverError (`forbidden`) when no key here opens one of them: who could is in the message
   */
  openSession(packets: Uint8Array): Promise<SessionKey>;
  /** Decrypts messages of forms that only the library reads (AEAD: SEIPD version 2, GnuPG's tag 20), slower. */
  readonly decryptRareForms: Stage;
}
