/*
 * Days are counted by the proleptic Gregorian calendar; the two conversions between a civil date and a
 * day number are the era-based ones of Howard Hinnant's "chrono-compatible low-level date algorithms".
 */
#include "base/date.h"

#define DAY_MS INT64_C(86400000)

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly n digits off the front of *t. */
static bool take_digits(struct text *t, size_t n, int64_t *value)
{
    int64_t sum = 0;
    if (t->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)(t->at[i] - '0');
        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
    }
    *t = text_part(*t, n, t->len);
    *value = sum;
    return true;
}

static bool take_byte(struct text *t, char c)
{
    if (t->len == 0 || t->at[0] != c)
        return false;
    *t = text_part(*t, 1, t->len);
    return true;
}

static bool take_fraction(struct text *t, int64_t *ms)
{
    int64_t scale = 100;
    size_t digits = 0;
    *ms = 0;
    if (!take_byte(t, '.') && !take_byte(t, ','))
        return true;
    while (digits < 9 && digits < t->len && t->at[digits] >= '0' && t->at[digits] <= '9') {
        *ms += (t->at[digits++] - '0') * scale;
        scale /= 10;
    }
    *t = text_part(*t, digits, t->len);
    return digits > 0;
}

static bool take_offset(struct text *t, int64_t *minutes)
{
    int64_t hour, minute = 0;
    *minutes = 0;
    if (t->len == 0 || take_byte(t, 'Z') || take_byte(t, 'z'))
        return true;
    bool west = t->at[0] == '-';
    if (!take_byte(t, '+') && !take_byte(t, '-'))
        return false;
    if (!take_digits(t, 2, &hour))
        return false;
    if (t->len > 0) {
        take_byte(t, ':');
        if (!take_digits(t, 2, &minute))
            return false;
    }
    *minutes = (hour * 60 + minute) * (west ? -1 : 1);
    return hour <= 23 && minute <= 59;
}

static bool take_time(struct text *t, int64_t *ms)
{
    int64_t hour, minute, second = 0, fraction = 0, offset;
    if (!take_digits(t, 2, &hour) || !take_byte(t, ':') || !take_digits(t, 2, &minute))
        return false;
    if (take_byte(t, ':') && (!take_digits(t, 2, &second) || !take_fraction(t, &fraction)))
        return false;
    take_byte(t, ' ');
    if (!take_offset(t, &offset) || hour > 23 || minute > 59 || second > 60)
        return false;
    *ms = ((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction;
    return true;
}

static bool parse_number(struct text t, int64_t *ms)
{
    uint64_t value;
    if (!text_u64(t, UINT64_C(253402300799999), &value))
        return false;
    *ms = (int64_t)value * (t.len < 12 ? 1000 : 1);
    return true;
}

bool date_parse(struct text t, int64_t *ms)
{
    int64_t year, month, day, time_ms = 0;
    t = text_trim(t);
    if (parse_number(t, ms))
        return true;
    if (!take_digits(&t, 4, &year) || !take_byte(&t, '-') || !take_digits(&t, 2, &month) ||
        !take_byte(&t, '-') || !take_digits(&t, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, (unsigned)month))
        return false;
    if (t.len > 0) {
        if (!take_byte(&t, 'T') && !take_byte(&t, 't') && !take_byte(&t, ' '))
            return false;
        if (!take_time(&t, &time_ms))
            return false;
    }
    if (t.len > 0)
        return false;
    *ms = days_from_civil(year, (unsigned)month, (unsigned)day) * DAY_MS + time_ms;
    return true;
}

/* Writes the last `count` digits of value, and a character behind them. */
static void put_digits(char *to, size_t count, unsigned value, char behind)
{
    for (size_t i = count; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    to[count] = behind;
}

void date_format(int64_t ms, char to[DATE_TEXT_MAX])
{
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0);
    unsigned rest = (unsigned)(ms - day * DAY_MS);
    int64_t shifted = day + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned day_of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    unsigned date = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    unsigned year = (unsigned)(era * 400 + year_of_era + (month <= 2)) % 10000;
    put_digits(to, 4, year, '-');
    put_digits(to + 5, 2, month, '-');
    put_digits(to + 8, 2, date, 'T');
    put_digits(to + 11, 2, rest / 3600000, ':');
    put_digits(to + 14, 2, rest / 60000 % 60, ':');
    put_digits(to + 17, 2, rest / 1000 % 60, '.');
    put_digits(to + 20, 3, rest % 1000, 'Z');
    to[24] = 0;
}
