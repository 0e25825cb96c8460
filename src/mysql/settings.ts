/** Settings of MySQL and MariaDB that several commands need. */
import { path, text } from '../config/parsers.ts';
import { optionalSetting } from '../config/setting.ts';

/** How to reach the server. */
export const mysqlConnectionSettings = {
  datasource: optionalSetting(
    'WALG_MYSQL_DATASOURCE_NAME',
    text,
    'The MySQL or MariaDB server: user:password@host:port/database, user:password@unix(/path/to/socket)/, user:password@tcp([::1]:3306)/, or mysql://user:password@host:port/database?ssl-mode=VERIFY_CA.',
    { secret: true },
  ),
  sslCa: optionalSetting(
    'WALG_MYSQL_SSL_CA',
    path,
    'PEM file of the certificate authorities that the certificate of the MySQL server is checked with, together with its name. Set: TLS is required.',
  ),
};
