// A step of the sign-in that stores something: it asks each person once to agree to the terms of use.
import { languagesIn } from '@nauthera/server/http/branding/languages'
import type { Insertion } from './tree-copy.ts'

const texts: Insertion = [
  '  "link-account.title"',
  `  "accept-terms.title": "Terms of use",
  "accept-terms.text": "You can go on once you have agreed to the terms of use.",
  "accept-terms.agree": "I agree",
`,
]

export const changed: Readonly<Record<string, readonly Insertion[]>> = {
  'server/src/login/steps.ts': [
    ['import type { LoginLinks }', "import type { Connection } from '../store/driver/database.ts'\n"],
    ['import { createAccess }', "import { createAcceptTerms } from './consent/accept-terms.ts'\n"],
    ['  readonly loginLinks:', '  readonly database: Connection\n'],
    ['  createAccess(needs),', '  createAcceptTerms(needs),\n'],
  ],
  'server/src/reply/sign-in-pages.ts': [
    [
      '  /** The account may not use this client. */',
      `  'accept-terms': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction: string
    readonly person: PersonOnPage
  }
`,
    ],
  ],
  ...Object.fromEntries(languagesIn('server/locales').map((tag) => [`server/locales/${tag}.json`, [texts] as const])),
}

export const added: Readonly<Record<string, string>> = {
  'server/src/login/consent/accept-terms.ts': `import { createAcceptedTerms } from '../../store/people/accepted-terms.ts'
import type { Connection } from '../../store/driver/database.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Step } from '../attempt/attempt.ts'

export function createAcceptTerms(needs: { readonly database: Connection }): Step {
  const accepted = createAcceptedTerms(needs)
  return {
    async run(attempt) {
      const { account, interaction, paths } = attempt
      if (!account || (await accepted.has(account.accountId))) return { kind: 'passed', attempt }
      const { client } = interaction
      const actions = { action: paths.form('terms'), cancelAction: paths.form('cancel') }
      const model = { client, ...actions, person: account.person }
      return { kind: 'ask', page: { ...pageOf(interaction, account.person), view: 'accept-terms', model } }
    },
    forms: {
      async terms({ account, interaction }) {
        if (account) await accepted.add(account.accountId)
        return { kind: 'go-on', progress: interaction.progress }
      },
    },
  }
}
`,
  'server/views/accept-terms.eta': `<% const { model, text } = it
   layout('@layout', { title: text('accept-terms.title') }) %>
<h1><%= text('accept-terms.title') %></h1>
<%~ include('@client', { client: model.client, key: 'sign-in.client', rich: it.rich, logo: it.logoOf(model.client?.logo) }) %>
<p><%= text('accept-terms.text') %></p>
<form method="post" action="<%= model.action %>" id="accept-terms-form">
<%~ include('@token', it) %>
<div class="actions">
<button type="submit" id="accept-terms" name="accept" value="yes"><%= text('accept-terms.agree') %></button>
<button type="submit" class="quiet" id="cancel" name="cancel" value="yes" formaction="<%= model.cancelAction %>"><%= text('layout.cancel') %></button>
</div>
</form>
`,
  'server/src/store/sql/000999-accepted-terms.sql': `CREATE TABLE accepted_terms (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  accepted_at timestamptz NOT NULL DEFAULT now()
);
`,
  'server/src/store/people/accepted-terms.ts': `import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

const find = statement('accepted-terms-find', 'SELECT user_id FROM accepted_terms WHERE user_id = $userId::uuid')
const insert = statement(
  'accepted-terms-insert',
  'INSERT INTO accepted_terms (user_id) VALUES ($userId::uuid) ON CONFLICT DO NOTHING',
)

export const createAcceptedTerms = ({ database }: { database: Connection }) => ({
  has: async (userId: string): Promise<boolean> => (await database.query(find, { userId })).length > 0,
  add: async (userId: string): Promise<void> => void (await database.query(insert, { userId })),
})
`,
}

/** Rows of tests, and a test of its own. */
export const tests: {
  readonly changed: Readonly<Record<string, readonly Insertion[]>>
  readonly added: Readonly<Record<string, string>>
} = {
  changed: {
    'server/test/http/sample-sign-in-pages.ts': [
      [
        "  'moving-on': {",
        `  'accept-terms': {
    kind: 'page',
    view: 'accept-terms',
    model: { client: sampleClient, action: '#terms', cancelAction: '#cancel', person },
  },
`,
      ],
    ],
    'server/test/login/browser.ts': [
      ['  const loginLinks = {', '  const database = { query: async <Row>() => [{} as Row] }\n'],
      ['loginLinks, ...ways', 'database, '],
    ],
  },
  added: {
    'server/test/login/consent/accept-terms.integration.test.ts': `import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { expect } from 'chai'

describe('the step that asks for the terms of use', () => {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas()
    await server.serve([entry('app.web', configs.web)])
    await addPerson(server, 'ada')
  })
  after(() => server?.stop())

  const signIn = async () => {
    const browser = new Browser(server)
    const page = await browser.follow(authorizationUrl(server.issuer, request(pkce())))
    return { browser, page: await browser.submit(page, '/sign-in', { username: 'ada', password }) }
  }

  it('asks a person once', async () => {
    const { browser, page } = await signIn()
    expect(page.location).to.equal(undefined)
    expect(page.body).to.contain('id="accept-terms-form"')
    expect((await browser.submit(page, '/terms')).location).to.match(/[?&]code=/)
    expect((await signIn()).page.location).to.match(/[?&]code=/)
  })
})
`,
  },
}
