# A server for SFTP to try walvault on: user keeper, password walvault, folder /archive. For compose.yaml; untested, too.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /run/sshd && useradd --create-home --shell /usr/sbin/nologin keeper && echo 'keeper:walvault' | chpasswd \
 && install -d -o keeper -g keeper -m 700 /archive
VOLUME /archive
EXPOSE 22
CMD ["/usr/sbin/sshd", "-D", "-e", "-o", "UsePAM=no", "-o", "Subsystem=sftp internal-sftp", "-o", "ForceCommand=internal-sftp"]
