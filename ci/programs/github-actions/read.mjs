// Reads a workflow with the parser of GitHub's own language server.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

// its modules import JSON as bundlers take it
const asJson = { importAttributes: { type: 'json' } }
registerHooks({ load: (url, given, next) => next(url, url.endsWith('.json') ? { ...given, ...asJson } : given) })
const { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } = await import('@actions/workflow-parser')

// the page shows what a workflow has beside its trigger
const content = `on: push\n${readFileSync(process.argv[2], 'utf8')}`
const { context, value } = parseWorkflow({ name: 'deploy.yaml', content }, new NoOperationTraceWriter())
const { jobs } = await convertWorkflowTemplate(context, value)
const errors = context.errors.getErrors()
console.log(errors.length > 0 ? errors.map(({ message }) => message).join('\n') : `taken, with ${jobs.length} job`)
