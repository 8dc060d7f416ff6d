import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { freePort } from '@nauthera/local/processes/ports'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import type { SecretData } from '../../test/support/given-secret.ts'
import type { TrialIssuer } from './issuer.ts'
import { startProgram } from './running.ts'
import type { ProgramCommand, RunningProgram } from './running.ts'
import { Visitor } from './visitor.ts'

/** What a program is tried with. */
export interface Trial {
  readonly issuer: TrialIssuer
  /** Where it shall answer: `url` is http://127.0.0.1 with the port. */
  readonly port: number
  readonly url: string
  /** A folder for its files, empty at first. */
  readonly folder: string
  /** Serves the client of the program. @returns its Secret */
  client(spec: OIDCClientSpec): Promise<SecretData>
  /** @returns what starts it with a Secret, and starts it again with the next: resolves when it answers at `ready`, or has written such a line */
  runs(
    command: (secret: SecretData) => ProgramCommand | Promise<ProgramCommand>,
    ready: string | RegExp,
  ): (secret: SecretData) => Promise<void>
  /** A new person's browser. */
  visitor(): Visitor
  /** Two pages of a program. One leads to the issuer. The other says who is signed in, as JSON; it has another status than 200 when nobody is. */
  onPages(pages: { readonly signIn: string; readonly whoIs: string }): {
    signIn(): Promise<Visitor>
    whoIs(session: Visitor): Promise<Record<string, unknown> | undefined>
  }
}

/** The client that a trial rotates. */
export const clientName = 'program'

export async function startTrial(issuer: TrialIssuer): Promise<Trial> {
  const port = await freePort()
  const visitor = () => new Visitor(issuer.replicas.issuer)
  const folder = temporaryDirectory('program')
  return {
    issuer,
    port,
    url: `http://127.0.0.1:${port}`,
    folder,
    client: (spec) => issuer.client(clientName, spec),
    runs(command, ready) {
      let program: RunningProgram | undefined
      return async (secret) => {
        await program?.stop()
        program = startProgram(await command(secret))
        await (typeof ready === 'string' ? program.answers(ready) : program.line(ready))
      }
    },
    visitor,
    onPages: (pages) => ({
      async signIn() {
        const session = visitor()
        await session.open(pages.signIn)
        return session
      },
      async whoIs(session) {
        const page = await session.look(pages.whoIs)
        return page.status === 200 ? page.json() : undefined
      },
    }),
  }
}
