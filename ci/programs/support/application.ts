import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { SecretData } from '../../test/support/given-secret.ts'
import { blocksOf } from '../../test/support/page-blocks.ts'
import { cargoBuild, goBuild, npmInstall, pipInstall } from './prepare.ts'
import { tryProgram } from './program.ts'
import type { ProgramCommand } from './running.ts'
import type { Visitor } from './visitor.ts'

/** An application of our own around a library, as the page of the library has it. It leads away at `/login`, answers `/` with who is signed in,
 *  `/refresh` and `/logout`. It gets its Secret as its environment, and where to listen as `LISTEN` or `PORT`. */
interface TriedApplication {
  readonly page: string
  readonly name: string
  readonly version: string
  readonly callback: string
  readonly betweenKeyReadsMs?: number
  prepare(): Promise<ProgramCommand>
  /** What its client says beside its callback. */
  readonly client?: (url: string) => Partial<OIDCClientSpec>
  /** What its first request to the issuer has. */
  readonly sends?: string
  /** Why it does not. */
  readonly refreshesNot?: string
  /** What a person may give it in the place of what the Secret has, and what it says at `/login` then. */
  readonly mistake?: { readonly given: (secret: SecretData) => SecretData; readonly said: string }
}

/** Declares it as a program: every step is asked in the same way. */
export function tryApplication(application: TriedApplication): void {
  const { sends, refreshesNot, mistake, client, callback, ...program } = application
  tryProgram({
    ...program,
    async start({ url, port, ...trial }, { env: own, ...command }) {
      const secret = await trial.client({ type: 'Web', redirectURIs: [`${url}${callback}`], ...client?.(url) })
      const where = { LISTEN: `127.0.0.1:${port}`, PORT: String(port) }
      const take = trial.runs((env) => ({ ...command, env: { ...env, ...own, ...where } }), url)
      await take(secret)
      return {
        take,
        secret,
        async signIn() {
          const session = trial.visitor()
          await session.open(`${url}/login`)
          return session
        },
        async whoIs(session: Visitor) {
          const page = await session.look(url)
          const found = page.status === 200 ? page.json() : {}
          return 'name' in found ? found : undefined
        },
      }
    },
    steps: {
      'signs in': async ({ url, visitor, secret, take }) => {
        const { headers } = await visitor().look(`${url}/login`)
        expect(headers.location).to.include(sends ?? 'response_type=code')
        if (mistake === undefined) return
        await take({ ...secret, ...mistake.given(secret) })
        expect((await visitor().look(`${url}/login`)).body).to.include(mistake.said)
        await take(secret)
      },
      'name and groups': ({ person }) =>
        expect(person).to.deep.include({
          name: 'ada Example',
          email: 'ada@example.com',
          groups: ['developers', 'platform'],
        }),
      refreshes:
        refreshesNot ??
        (async ({ issuer, session, url }) => {
          const before = issuer.refreshed()
          expect((await session.look(`${url}/refresh`)).status).to.equal(200)
          expect(issuer.refreshed()).to.equal(before + 1)
        }),
      'signs out': async ({ url, session }) => expect((await session.open(`${url}/logout`)).url).to.include(url),
    },
  })
}

/** @returns what starts the `app.py` of a page */
export const pythonApplication = async (page: string, packages: readonly string[]): Promise<ProgramCommand> => ({
  command: join(await pipInstall(nameOf(page, packages), packages), 'python'),
  args: [`ci/programs/${page}/app.py`],
})

/** @returns what starts the `app.mjs` of a page, which stands beside its packages, since Node looks for them there */
export async function nodeApplication(
  page: string,
  packages: readonly string[],
  file = 'app.mjs',
): Promise<ProgramCommand> {
  const cwd = await npmInstall(nameOf(page, packages), packages)
  await copyFile(`ci/programs/${page}/${file}`, join(cwd, file))
  return { command: process.execPath, args: [file], cwd }
}

/** @returns what starts the `main.go` of a page */
export const goApplication = async (page: string, version: string): Promise<ProgramCommand> => ({
  command: await goBuild(`ci/programs/${page}`, '.', version),
})

/** @returns what starts the `main.rs` of a page, which calls the code that the page has */
export async function rustApplication(page: string, version: string): Promise<ProgramCommand> {
  const blocks = blocksOf(`docs/integrations/${page}.md`).filter(({ language }) => language === 'rust')
  const code = blocks.map(({ text }) => text).join('\n')
  return { command: await cargoBuild(`ci/programs/${page}`, version, code) }
}

/** The version of the library, which stands first, is in the name of the folder. */
const nameOf = (page: string, [library = '']: readonly string[]) => `${page}@${library.split(/@|==/).at(-1)}`
