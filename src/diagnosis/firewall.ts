/** The commands by which the usual firewalls of Linux let something in. */

/** Lets a port in, for nftables, ufw and firewalld, each as it is typed by root. */
export function letIn(protocol: 'tcp' | 'udp', port: number): string[] {
  return [
    `with ufw: \`ufw allow ${port}/${protocol}\``,
    `with firewalld: \`firewall-cmd --add-port=${port}/${protocol}\`, and again with --permanent`,
    `with nftables: \`nft insert rule inet filter input ${protocol} dport ${port} accept\` ` +
      '(table and chain as `nft list ruleset` names them)',
  ]
}

/** The same for TCP and UDP at once: probes go to the port of the same number. */
export function letBothIn(port: number): string[] {
  return [
    `with ufw: \`ufw allow ${port}\``,
    `with firewalld: \`firewall-cmd --add-port=${port}/tcp --add-port=${port}/udp\`, and again with --permanent`,
    `with nftables: \`nft insert rule inet filter input meta l4proto { tcp, udp } th dport ${port} accept\` ` +
      '(table and chain as `nft list ruleset` names them)',
  ]
}

/** How the clock is set, with what sets clocks on Linux. */
export const SET_CLOCK: readonly string[] = [
  '`timedatectl set-ntp true` has systemd keep the clock; `timedatectl` shows whether it does',
  'with chrony: `systemctl enable --now chronyd`, then `chronyc makestep`; `chronyc tracking` shows how far it is off',
]
