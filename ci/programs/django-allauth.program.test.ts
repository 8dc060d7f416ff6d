import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'

const version = '65.22.1'

tryProgram({
  page: 'django-allauth',
  name: 'django-allauth',
  version,
  prepare: () =>
    pipInstall(`django-allauth@${version}`, [`django-allauth[socialaccount]==${version}`, 'django==5.2.19']),

  async start({ url, port, folder, visitor, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/accounts/oidc/nauthera/login/callback/`],
      secret: { presets: ['Env'] },
    })
    const take = trial.runs(
      (env) => ({
        command: join(bin, 'python'),
        args: ['ci/programs/django-allauth/site_of_trial.py'],
        env: { ...env, DATABASE: join(folder, 'db.sqlite3'), LISTEN: `127.0.0.1:${port}` },
      }),
      url,
    )
    await take(secret)
    const login = `${url}/accounts/oidc/nauthera/login/`
    return {
      secret,
      take,
      async signIn() {
        const session = visitor()
        await session.submit(await session.open(login), '')
        return session
      },
      async whoIs(session: ReturnType<typeof visitor>) {
        const found = (await session.open(url)).json()
        return 'email' in found ? found : undefined
      },
      /** @returns where the button of the sign-in page leads */
      async leads() {
        const browser = visitor().at(url)
        return (await browser.submit(await browser.follow(login), '')).location
      },
    }
  },

  steps: {
    'signs in': ({ person }) => expect(person).to.include({ email: 'ada@example.com', name: 'ada' }),
    'name and groups': async ({ secret, take, leads, signIn, whoIs }) => {
      await take({ ...secret, WITH_GROUPS: 'yes', WITH_PKCE: 'yes' })
      expect(await leads()).to.include('code_challenge_method=S256')
      expect(await whoIs(await signIn()))
        .to.have.property('userinfo')
        .that.deep.includes({ name: 'ada Example', groups: ['developers', 'platform'] })
    },
    refreshes: 'it keeps no tokens',
    'signs out': async ({ url, session }) => session.submit(await session.open(`${url}/accounts/logout/`), ''),
  },
})
