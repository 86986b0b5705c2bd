// Made from openapi.json by npm run api: one function for each operation.
import { operation } from './call'

/** Do what a finding says helps. */
export const actOnHealth = operation<'actOnHealth'>('POST', '/health/act')

/** Acknowledge, assign, comment or label an incident. */
export const actOnIncident = operation<'actOnIncident'>('POST', '/incidents/{id}')

/** Keep notifications back for a time. */
export const addSilence = operation<'addSilence'>('POST', '/silences')

/** Write a source into tidemark.yaml. */
export const addSource = operation<'addSource'>('POST', '/sources')

/** Use a file or a folder of this machine: a plugin is copied, data stays where it is. */
export const adopt = operation<'adopt'>('POST', '/adopt')

/** What a rule's history says about its settings. */
export const adviseRule = operation<'adviseRule'>('POST', '/rules/advise')

/** When the rules would have been in alarm. */
export const alarms = operation<'alarms'>('GET', '/alarms')

/** Where the alarm of each group stands. */
export const alarmStates = operation<'alarmStates'>('GET', '/alarms/states')

/** Let a plugin run that is new or changed in a workspace from somebody else. */
export const allowPlugin = operation<'allowPlugin'>('POST', '/plugins/{name}/allow')

/** When a rule would have raised its alarm. */
export const backtest = operation<'backtest'>('POST', '/rules/backtest')

/** End a pull; what it has stored stays. */
export const cancelPull = operation<'cancelPull'>('DELETE', '/pulls/{id}')

/** End a query and keep the rows that came. */
export const cancelQuery = operation<'cancelQuery'>('POST', '/queries/{id}/cancel')

/** What SQL may name. */
export const catalog = operation<'catalog'>('GET', '/catalog')

/** Check a configuration against the plugin's schema. */
export const checkPluginConfig = operation<'checkPluginConfig'>('POST', '/plugins/{name}/config')

/** What a rule is, without running it. */
export const checkRule = operation<'checkRule'>('POST', '/rules/check')

/** Something went wrong in the page. */
export const clientError = operation<'clientError'>('POST', '/client-error')

/** What another version of a rule would have done differently. */
export const compareRules = operation<'compareRules'>('POST', '/rules/compare')

/** Values that stand in rest because their path has another type. */
export const conflicts = operation<'conflicts'>('GET', '/datasets/{name}/conflicts')

/** The query for the records around one. */
export const context = operation<'context'>('POST', '/explore/context')

/** Change how a replay is played. */
export const controlTail = operation<'controlTail'>('POST', '/tails/{source}/control')

/** Run a query and keep its result. */
export const createQuery = operation<'createQuery'>('POST', '/queries')

/** The rows of one item. */
export const dashboardItem = operation<'dashboardItem'>('POST', '/dashboards/item')

/** Move a file to the trash in .tidemark. */
export const deleteFile = operation<'deleteFile'>('DELETE', '/files')

/** End a query and free its result. */
export const deleteQuery = operation<'deleteQuery'>('DELETE', '/queries/{id}')

/** Run another version of a plugin beside the one in use, over the last records. */
export const diffPlugin = operation<'diffPlugin'>('POST', '/plugins/{name}/diff')

/** Take entries out; they can be had back for thirty days. */
export const discardQuarantine = operation<'discardQuarantine'>('POST', '/quarantine/discard')

/** Delete a dataset with its rows, schema, quarantine and ledger. */
export const dropDataset = operation<'dropDataset'>('DELETE', '/datasets/{name}')

/** What a pull would fetch. */
export const dryRun = operation<'dryRun'>('POST', '/pulls/dry-run')

/** End a silence now. */
export const endSilence = operation<'endSilence'>('DELETE', '/silences/{id}')

/** What a query would fetch of attached datasets and cost. */
export const estimateQuery = operation<'estimateQuery'>('POST', '/queries/estimate')

/** Why a rule was in alarm at some time, or why it was not. */
export const explainRule = operation<'explainRule'>('POST', '/rules/explain')

/** What matches, how it lies in time and what its fields hold. */
export const explore = operation<'explore'>('POST', '/explore')

/** Run a notebook and write it in another form. */
export const exportNotebook = operation<'exportNotebook'>('POST', '/notebooks/export')

/** A rule as another system takes it, or why it cannot. */
export const exportRule = operation<'exportRule'>('POST', '/rules/export')

/** The values of a path, the most frequent first. */
export const filterValues = operation<'filterValues'>('GET', '/dashboards/values')

/** One dataset. */
export const getDataset = operation<'getDataset'>('GET', '/datasets/{name}')

/** One incident and its timeline. */
export const getIncident = operation<'getIncident'>('GET', '/incidents/{id}')

/** Where a dataset finds its event time, envelope and labels. */
export const getMapping = operation<'getMapping'>('GET', '/datasets/{name}/mapping')

/** What a plugin is, and what changed since it last ran. */
export const getPlugin = operation<'getPlugin'>('GET', '/plugins/{name}')

/** One entry with its bytes. */
export const getQuarantine = operation<'getQuarantine'>('GET', '/quarantine/{id}')

/** How far a query is. */
export const getQuery = operation<'getQuery'>('GET', '/queries/{id}')

/** One record, whole. */
export const getRecord = operation<'getRecord'>('GET', '/datasets/{name}/records/{seq}')

/** A window of the rows of a query. */
export const getRows = operation<'getRows'>('GET', '/queries/{id}/rows')

/** How far the sample is. */
export const getSample = operation<'getSample'>('GET', '/sample')

/** The versions of a dataset's type. */
export const getSchema = operation<'getSchema'>('GET', '/datasets/{name}/schema')

/** What is open. */
export const getWorkspace = operation<'getWorkspace'>('GET', '/workspace')

/** How the datasets and sources are. */
export const healthDatasets = operation<'healthDatasets'>('GET', '/health/datasets')

/** What the runbook of an incident found. */
export const incidentReport = operation<'incidentReport'>('GET', '/incidents/{id}/report')

/** Records before and after each transform of a dataset. */
export const lens = operation<'lens'>('POST', '/lens')

/** Where notifications can go. */
export const listChannels = operation<'listChannels'>('GET', '/channels')

/** The systems that rules can be written for. */
export const listExportTargets = operation<'listExportTargets'>('GET', '/export/targets')

/** Alarms that went off, newest first. */
export const listIncidents = operation<'listIncidents'>('GET', '/incidents')

/** What records are looked up in, and what that did. */
export const listLookups = operation<'listLookups'>('GET', '/lookups')

/** Derived datasets, and what they are made of. */
export const listModels = operation<'listModels'>('GET', '/models')

/** What was sent, waits or was given up, newest first. */
export const listNotifications = operation<'listNotifications'>('GET', '/notifications')

/** Plugins that the workspace can use. */
export const listPlugins = operation<'listPlugins'>('GET', '/plugins')

/** Pulls of this server, the newest first. */
export const listPulls = operation<'listPulls'>('GET', '/pulls')

/** What was set aside, newest first. */
export const listQuarantine = operation<'listQuarantine'>('GET', '/quarantine')

/** Workspaces that were opened before. */
export const listRecent = operation<'listRecent'>('GET', '/recent')

/** The rules and what is wrong with them. */
export const listRules = operation<'listRules'>('GET', '/rules')

/** Silences that are not over. */
export const listSilences = operation<'listSilences'>('GET', '/silences')

/** Sources and how they are. */
export const listSources = operation<'listSources'>('GET', '/sources')

/** Tails that run, and how the last one of each source ended. */
export const listTails = operation<'listTails'>('GET', '/tails')

/** Write the sample into a workspace that has no sources yet, and begin to pull it. */
export const loadSample = operation<'loadSample'>('POST', '/sample')

/** A test of what a rule saw at some time; the page saves it. */
export const makeTest = operation<'makeTest'>('POST', '/rules/make-test')

/** Let the user choose, in the desktop window. */
export const openDialog = operation<'openDialog'>('POST', '/native/open')

/** Open another workspace, or say how. */
export const openWorkspace = operation<'openWorkspace'>('POST', '/workspace/open')

/** What a dashboard shows. */
export const parseDashboard = operation<'parseDashboard'>('POST', '/dashboards/parse')

/** The cells and parameters of a notebook. */
export const parseNotebook = operation<'parseNotebook'>('POST', '/notebooks/parse')

/** Let a tail wait. */
export const pauseTail = operation<'pauseTail'>('POST', '/tails/{source}/pause')

/** Give a column to a path that stands in rest for want of room. */
export const promotePath = operation<'promotePath'>('POST', '/datasets/{name}/promote')

/** Run a query and get its rows at once. */
export const query = operation<'query'>('POST', '/query')

/** Read a file of the workspace. */
export const readFile = operation<'readFile'>('GET', '/files')

/** The page is shown. */
export const ready = operation<'ready'>('POST', '/ready')

/** Move a plugin to the trash in .tidemark. */
export const removePlugin = operation<'removePlugin'>('DELETE', '/plugins/{name}')

/** Give a file another name. */
export const renameFile = operation<'renameFile'>('POST', '/files/rename')

/** The newest version in another notation. */
export const renderSchema = operation<'renderSchema'>('GET', '/datasets/{name}/schema/render')

/** Put a new version of a plugin in the place of the old one. */
export const replacePlugin = operation<'replacePlugin'>('PUT', '/plugins/{name}')

/** Put what was set aside through the pipeline once more. */
export const replayQuarantine = operation<'replayQuarantine'>('POST', '/quarantine/replay')

/** The range that a text means now. */
export const resolveTime = operation<'resolveTime'>('POST', '/time')

/** Put discarded entries back. */
export const restoreQuarantine = operation<'restoreQuarantine'>('POST', '/quarantine/restore')

/** Let a tail go on. */
export const resumeTail = operation<'resumeTail'>('POST', '/tails/{source}/resume')

/** Try one again that was given up. */
export const retryNotification = operation<'retryNotification'>('POST', '/notifications/{id}/retry')

/** What a deployed copy of a rule really did. */
export const ruleHistory = operation<'ruleHistory'>('POST', '/rules/history')

/** Replay what is stored with the copy of a rule. */
export const ruleParity = operation<'ruleParity'>('POST', '/rules/parity')

/** The query for the records of one window of one group. */
export const ruleRows = operation<'ruleRows'>('POST', '/rules/rows')

/** Run one cell. */
export const runCell = operation<'runCell'>('POST', '/notebooks/cell')

/** Bring derived datasets up to date. */
export const runModels = operation<'runModels'>('POST', '/models/run')

/** Run the tests of windows, rules and alarms. */
export const runTests = operation<'runTests'>('POST', '/tests/run')

/** Write into tidemark.yaml where a dataset finds its event time, envelope and labels. */
export const setMapping = operation<'setMapping'>('POST', '/datasets/{name}/mapping')

/** Give a path another type. */
export const setType = operation<'setType'>('POST', '/datasets/{name}/types')

/** Begin to pull. */
export const startPull = operation<'startPull'>('POST', '/pulls')

/** Run the rule's runbook for an incident. */
export const startRunbook = operation<'startRunbook'>('POST', '/incidents/{id}/runbook')

/** Begin to tail; it goes on until it is stopped. */
export const startTail = operation<'startTail'>('POST', '/tails')

/** What the server uses and does. */
export const status = operation<'status'>('GET', '/status')

/** End a tail; what it has stored stays, and the next one goes on from there. */
export const stopTail = operation<'stopTail'>('DELETE', '/tails/{source}')

/** Send a message to a channel now. */
export const testChannel = operation<'testChannel'>('POST', '/notifications/test')

/** Reach a source and look into a few of its objects. */
export const testSource = operation<'testSource'>('POST', '/sources/test')

/** Trust the workspace: expand its variables, reach its sources, run its plugins. */
export const trustWorkspace = operation<'trustWorkspace'>('POST', '/workspace/trust')

/** What a record with a key would get. */
export const tryLookup = operation<'tryLookup'>('POST', '/lookups/{name}/try')

/** Add a plugin or a file of records to the workspace. */
export const upload = operation<'upload'>('POST', '/upload')

/** Compare the store, the ledger and the rows. */
export const verifyPulls = operation<'verifyPulls'>('POST', '/pulls/verify')

/** Write a file, unless it is another one meanwhile. */
export const writeFile = operation<'writeFile'>('PUT', '/files')
