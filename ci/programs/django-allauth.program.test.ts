import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '65.22.1'
const install = () =>
  pipInstall(`django-allauth@${version}`, [`django-allauth[socialaccount]==${version}`, 'django==5.2.19'])

tryProgram({
  name: 'django-allauth',
  version,
  reads: 'preset Env',
  needs: '`"SCOPE"` with the scopes of the Secret, so that groups arrive',
  prepare: async () => void (await install()),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('allauth', {
      type: 'Web',
      redirectURIs: [`${url}/accounts/oidc/nauthera/login/callback/`],
      secret: { presets: ['Env'] },
    })
    const DATABASE = join(mkdtempSync(join(tmpdir(), 'allauth-')), 'db.sqlite3')
    let django: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await django?.stop()
      django = startProgram({
        command: join(await install(), 'python'),
        args: ['ci/programs/django-allauth/site_of_trial.py'],
        env: { ...env, DATABASE, LISTEN: `127.0.0.1:${port}` },
      })
      await django.answers(url)
    }
    await begin(secret)
    const login = `${url}/accounts/oidc/nauthera/login/`
    const signIn = async (visitor = new Visitor(secret['issuer']!)) =>
      (await visitor.submit(await visitor.open(login), '')).json()
    /** @returns where the button of the sign-in page leads */
    const leaves = async () => {
      const browser = new Visitor(secret['issuer']!).at(url)
      return (await browser.submit(await browser.follow(login), '')).location
    }
    return { issuer, url, secret, begin, leaves, signIn }
  },

  steps: {
    'signs in': async ({ signIn }) => expect(await signIn()).to.include({ email: 'ada@example.com', name: 'ada' }),
    'name and groups': async ({ secret, begin, leaves, signIn }) => {
      await begin({ ...secret, WITH_GROUPS: 'yes', WITH_PKCE: 'yes' })
      expect(await leaves()).to.include('code_challenge_method=S256')
      expect(await signIn())
        .to.have.property('userinfo')
        .that.deep.includes({ name: 'ada Example', groups: ['developers', 'platform'] })
    },
    refreshes: 'it keeps no tokens',
    'secret rotated': ({ issuer, begin, signIn }) =>
      issuer.rotateSecret('allauth', {
        take: begin,
        signIn: async () => expect(await signIn()).to.have.property('email'),
      }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      expect(await signIn()).to.have.property('email')
    },
    'signs out': async ({ url, secret, signIn }) => {
      const visitor = new Visitor(secret['issuer']!)
      await signIn(visitor)
      await visitor.submit(await visitor.open(`${url}/accounts/logout/`), '')
      expect((await visitor.open(url)).json()).to.deep.equal({})
    },
  },
})
