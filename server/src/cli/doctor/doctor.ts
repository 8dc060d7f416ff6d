// nauthera doctor: checks a running installation, and prints what is wrong.
import type { Command } from 'commander'
import { checkClientCertificates } from './certificate-findings.ts'
import { checkCache, checkDatabase, checkKeys, checkMail, checkProxies, checkSources } from './findings.ts'
import type { Finding } from './findings.ts'
import { checkIssuer } from './issuer-findings.ts'
import { checkUpstreams } from './upstream-findings.ts'
import { print, settingsOf } from '../terminal/session.ts'
import type { CommandSession } from '../terminal/session.ts'

/** @param setExitCode 1 when there is a fault */
export function addDoctorCommand(program: Command, session: CommandSession, setExitCode: (code: number) => void): void {
  program
    .command('doctor')
    .description(
      'check database, cache, mail, keys, sources of people, issuer, proxy, certificates of clients and other providers from here, and say what is wrong',
    )
    .option('--ca-file <file>', 'certificates (PEM) of the authority that signed the certificate of the issuer')
    .addHelpText(
      'after',
      `
Run it where a server runs, so that it sees what the server sees. The exit code is 1 for a fault; warnings do not count.
Without --ca-file it trusts public authorities, NODE_EXTRA_CA_CERTS, and what lies beside the server's own certificate.

Examples:
  kubectl -n auth exec deploy/nauthera-server -c server -- nauthera doctor
  kubectl -n auth exec -i deploy/nauthera-server -c server -- nauthera doctor --ca-file /dev/stdin < ca.crt`,
    )
    .action(async ({ caFile }: { caFile?: string }) => {
      const settings = settingsOf(session)
      const findings: Finding[] = [
        ...(await checkDatabase(session)),
        await checkCache(settings),
        await checkMail(settings),
        ...(await checkKeys(session)),
        ...(await checkSources(settings)),
        ...(await checkIssuer(settings, caFile)),
        await checkProxies(settings),
        ...(await checkClientCertificates(settings)),
        ...(await checkUpstreams(settings)),
      ]
      print(
        session,
        findings.map((finding) => ({ ...finding })),
        ['check', 'state', 'says'],
      )
      if (findings.some(({ state }) => state === 'fault')) setExitCode(1)
    })
}
