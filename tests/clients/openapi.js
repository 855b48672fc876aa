// Checks the sandbox's answers against Clerk's own OpenAPI file: every answer of every test, by the path,
// method and status that the file gives, with exactly its fields (none missing, none of ours).
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export class OpenApi {
  constructor(file) {
    this.document = parse(fs.readFileSync(file, 'utf8'));
    this.routes = Object.entries(this.document.paths ?? {}).map(([template, operations]) => ({
      template,
      operations,
      pattern: new RegExp('^' + template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '([^/]+)') + '$'),
    }));
    // A literal path wins over one with a parameter: /users/count is not /users/{user_id}.
    this.routes.sort((a, b) => a.template.split('{').length - b.template.split('{').length);
  }

  resolve(node) {
    while (node?.$ref) {
      node = node.$ref.slice(2).split('/').reduce((at, key) =>
        at[key.replace(/~1/g, '/').replace(/~0/g, '~')], this.document);
    }
    return node;
  }

  routeOf(method, pathname) {
    return this.routes.find(r => r.pattern.test(pathname) && r.operations[method.toLowerCase()]);
  }

  // The operationId of a request; undefined if there is no such operation.
  operationOf(method, pathname) {
    return this.routeOf(method, pathname)?.operations[method.toLowerCase()].operationId;
  }

  // The schema that an answer must have: undefined if none is given, null if the operation is unknown, false
  // if the answer has no body.
  schemaOf(method, pathname, status) {
    const route = this.routeOf(method, pathname);
    if (!route) return null;
    const answers = route.operations[method.toLowerCase()].responses;
    const answer = this.resolve(answers[status]);
    const schema = answer?.content?.['application/json']?.schema;
    if (answer && !answer.content && status < 400) return false;
    if (!schema && status >= 400) return { $ref: '#/components/schemas/ClerkErrors' };
    return schema;
  }

  // What is wrong with the payload of a webhook, as a list of sentences.
  webhookProblems(payload) {
    const webhook = this.document['x-webhooks'][payload.type];
    if (!webhook) return [`${payload.type}: no such webhook in the OpenAPI file`];
    const { schema } = webhook.post.requestBody.content['application/json'];
    return this.validate(schema, payload, payload.type);
  }

  // What is wrong with an answer, as a list of sentences; empty if nothing is. paginated: the file tells of such a list
  // only what it is without that parameter, an array.
  problems(method, pathname, status, contentType, body, paginated = false) {
    const what = `${method} ${pathname} ${status}`;
    const schema = this.schemaOf(method, pathname, status);
    if (schema === null) return [`${what}: no such operation in the OpenAPI file`];
    if (schema === undefined) return [`${what}: no such answer in the OpenAPI file`];
    if (schema === false) return body === '' ? [] : [`${what}: a body where there is none: ${body}`];
    if (!/^application\/json\b/.test(contentType ?? '')) return [`${what}: content type ${contentType}`];
    let value;
    try {
      value = JSON.parse(body);
    } catch (error) {
      return [`${what}: not JSON: ${error.message}`];
    }
    if (paginated && this.resolve(schema).type === 'array')
      return this.validateObject({ properties: { data: schema, total_count: { type: 'integer' } },
        required: ['data', 'total_count'] }, value, what);
    return this.validate(schema, value, what);
  }

  validate(schema, value, at) {
    schema = this.resolve(schema);
    if (value === null && (schema.nullable || schema.type === 'null')) return [];
    if (schema.allOf) return this.validateObject(this.merge(schema), value, at);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices) {
      const tried = choices.map(choice => this.validate(choice, value, at));
      const name = schema.discriminator && value?.[schema.discriminator.propertyName];
      if (tried.some(problems => problems.length === 0)) return [];
      const named = name && choices.findIndex(c => c.$ref === schema.discriminator.mapping?.[name]);
      return tried[named >= 0 ? named : 0];
    }
    if (schema.enum && !schema['x-speakeasy-unknown-values'] && !schema.enum.includes(value))
      return [`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(', ')}`];
    switch (schema.type) {
      case 'object':
        return this.validateObject(schema, value, at);
      case 'array':
        if (!Array.isArray(value)) return [`${at}: is no array`];
        return value.flatMap((item, i) => this.validate(schema.items ?? {}, item, `${at}[${i}]`));
      case 'integer':
        return Number.isInteger(value) ? [] : [`${at}: ${JSON.stringify(value)} is no integer`];
      case undefined:
        return schema.properties ? this.validateObject(schema, value, at) : [];
      default:
        return typeof value === schema.type ? []
          : [`${at}: ${JSON.stringify(value)} is no ${schema.type}`];
    }
  }

  validateObject(schema, value, at) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return [`${at}: ${JSON.stringify(value)} is no object`];
    const known = schema.properties ?? {};
    const open = schema.additionalProperties;
    const problems = (schema.required ?? []).filter(key => !(key in value))
      .map(key => `${at}: ${key} is missing`);
    for (const [key, item] of Object.entries(value)) {
      if (known[key]) problems.push(...this.validate(known[key], item, `${at}.${key}`));
      else if (!open && schema.properties) problems.push(`${at}: ${key} is not in the OpenAPI file`);
      else if (typeof open === 'object') problems.push(...this.validate(open, item, `${at}.${key}`));
    }
    return problems;
  }

  // One object schema with the properties of all parts of an allOf.
  merge(schema) {
    const whole = { type: 'object', properties: { ...schema.properties },
      required: [...(schema.required ?? [])], additionalProperties: schema.additionalProperties };
    for (const part of schema.allOf.map(p => this.resolve(p))) {
      const flat = part.allOf ? this.merge(part) : part;
      Object.assign(whole.properties, flat.properties);
      whole.required.push(...(flat.required ?? []));
      whole.additionalProperties ??= flat.additionalProperties;
    }
    return whole;
  }
}

export function backendApi() {
  return new OpenApi(path.join(process.env.USHER_SHARED, 'clerk', 'bapi-2026-05-12.yml'));
}

export function webhooksApi() {
  return new OpenApi(path.join(process.env.USHER_SHARED, 'clerk', 'webhooks-2025-04-15.yml'));
}
