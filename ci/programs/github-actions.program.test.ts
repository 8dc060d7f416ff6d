import { nodeApplication } from './support/application.ts'
import { readByCommand, tryConfiguration } from './support/configuration.ts'

const version = '0.3.61'

tryConfiguration({
  page: 'github-actions',
  name: 'GitHub Actions, by its workflow-parser',
  version,
  prepare: () => nodeApplication('github-actions', [`@actions/workflow-parser@${version}`], 'read.mjs'),
  block: 'ACTIONS_ID_TOKEN_REQUEST_URL',
  read: (text, { args = [], ...node }) =>
    readByCommand(text, 'deploy.yaml', (path) => ({ ...node, args: [...args, path] })),
  taken: 'taken, with 1 job',
  mistake: { right: 'id-token: write', wrong: 'id-tokens: write', said: "Unexpected value 'id-tokens'" },
})
