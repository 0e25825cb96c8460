# The official Postgres image with walvault as its archiver. Untested: no Docker engine was at hand.
#   docker build -f docker/Dockerfile -t walvault . && docker build -f docker/postgres.Dockerfile -t postgres-walvault .
#   docker run -v archive:/archive -e WALG_FILE_PREFIX=/archive -e POSTGRES_PASSWORD=… postgres-walvault
FROM postgres:17-bookworm
COPY --from=walvault /opt/walvault /opt/walvault
RUN ln -s /opt/walvault/bin/walvault /usr/local/bin/walvault \
 && install -d -o postgres -g postgres /archive
VOLUME /archive
CMD ["postgres", "-c", "archive_mode=on", "-c", "archive_timeout=60", "-c", "archive_command=/usr/local/bin/walvault wal-push %p"]
