#include "cli/cli.h"

#include <errno.h>
#include <string.h>

static const struct cli_option *by_name(const struct cli_option *options, struct text name)
{
    for (; options->name; options++)
        if (text_same(text_of(options->name), name))
            return options;
    return NULL;
}

static const struct cli_option *by_letter(const struct cli_option *options, char letter)
{
    for (; options->name; options++)
        if (options->letter == letter)
            return options;
    return NULL;
}

static void print_help(const struct cli_syntax *syntax)
{
    printf("usage: usher %s [OPTIONS] %s\n\n%s\n\noptions:\n", syntax->command, syntax->operands,
           syntax->about);
    for (const struct cli_option *o = syntax->options; o->name; o++) {
        char form[64];
        snprintf(form, sizeof(form), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        printf("  %-34s %s\n", form, o->help);
    }
    printf("      %-30s %s\n", "--help", "this text");
}

static int complain(const struct cli_syntax *syntax, const char *what, const char *which)
{
    fprintf(stderr, "usher %s: %s%s; see 'usher %s --help'\n", syntax->command, what, which,
            syntax->command);
    return CLI_USAGE;
}

/* Stores one option's value; NULL if it cannot be taken, else anything. */
static bool store(const struct cli_option *option, const char *value)
{
    struct cli_texts *texts = option->value;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->value = value;
        return true;
    case CLI_NUMBER:
        return text_u64(text_of(value), INT64_MAX, option->value);
    case CLI_TEXTS:
        if (texts->count == CLI_TEXTS_MAX)
            return false;
        texts->at[texts->count++] = value;
        return true;
    }
    return false;
}

/* Finds the option that a word names; *value gets what stands behind "=" or the letter, or NULL. */
static const struct cli_option *option_of(const struct cli_syntax *syntax, const char *word,
                                          const char **value)
{
    *value = NULL;
    if (word[1] != '-') {
        *value = word[2] ? word + 2 : NULL;
        return by_letter(syntax->options, word[1]);
    }
    struct text name = text_of(word + 2);
    size_t equals = text_find(name, '=', 0);
    if (equals < name.len)
        *value = name.at + equals + 1;
    return by_name(syntax->options, text_part(name, 0, equals));
}

int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, const char **operands,
              size_t max, size_t *operand_count)
{
    bool only_operands = false;
    *operand_count = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value;
        if (only_operands || word[0] != '-' || word[1] == 0) {
            if (*operand_count == max)
                return complain(syntax, "one operand too many: ", word);
            operands[(*operand_count)++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(syntax);
            return CLI_OK;
        }
        const struct cli_option *option = option_of(syntax, word, &value);
        if (!option)
            return complain(syntax, "unknown option ", word);
        if (option->kind == CLI_FLAG && value)
            return complain(syntax, "no value goes with --", option->name);
        if (option->kind != CLI_FLAG && !value && ++i == argc)
            return complain(syntax, "a value is missing behind --", option->name);
        if (!store(option, value ? value : argv[i]))
            return complain(syntax, "not a value for --", option->name);
    }
    return -1;
}

int cli_read_file(const char *path, struct buf *to, struct err *err)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t got;
    if (!file)
        return err_set(err, ERR_USAGE, "%s: %s", path, strerror(errno));
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(to, (struct text){piece, got});
    bool failed = ferror(file);
    secret_wipe(piece, sizeof(piece));
    fclose(file);
    if (failed)
        return err_set(err, ERR_USAGE, "%s: it cannot be read", path);
    return buf_ok(to) ? 0 : err_set(err, ERR_USAGE, "%s: longer than %zu bytes", path, to->max);
}

int cli_fail(const char *command, const struct err *err)
{
    fprintf(stderr, "usher %s: %s\n", command, err->message);
    return CLI_USAGE;
}
