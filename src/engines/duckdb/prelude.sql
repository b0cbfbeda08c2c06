-- Functions of Trino and Athena for DuckDB, so that one text gives one answer on every engine. Each new database has those
-- that its statement can mean, before it is shut in; each stands behind those that it is made of. Where DuckDB has a function
-- of the same name and arguments that answers otherwise, Trino's wins: date_diff, json_extract, regexp_extract,
-- regexp_replace. What cannot be had: docs/views.md.

SET integer_division = true;

-- Instants. Trino's have milliseconds here; without a zone UTC is meant.
CREATE MACRO from_iso8601_timestamp(text) AS date_trunc('milliseconds', CAST(text AS TIMESTAMP WITH TIME ZONE));
CREATE MACRO from_iso8601_timestamp_nanos(text) AS CAST(text AS TIMESTAMP WITH TIME ZONE);
CREATE MACRO from_iso8601_date(text) AS CAST(text AS DATE);
CREATE MACRO to_unixtime(instant) AS epoch(instant);
CREATE MACRO from_unixtime(seconds) AS date_trunc('milliseconds', to_timestamp(seconds));
CREATE MACRO to_iso8601(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%S.%gZ');
CREATE MACRO date_diff(unit, earlier, later) AS datesub(unit, earlier, later);
CREATE MACRO date_add
  (day, span) AS system.main.date_add(day, span),
  (unit, count, moment) AS moment + count * CAST('1 ' || unit AS INTERVAL);

-- MySQL's format letters in strftime's. The letters that each step makes are none that a later one takes.
CREATE MACRO __strftime_format(format) AS
  replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
    format,
    '%T', '%H:%i:%s'), '%r', '%I:%i:%s %p'), '%M', '%B'), '%i', '%M'), '%W', '%A'), '%h', '%I'), '%s', '%S'),
    '%e', '%-d'), '%c', '%-m'), '%k', '%-H'), '%l', '%-I');
CREATE MACRO date_format(moment, format) AS
  strftime(date_trunc('milliseconds', moment), __strftime_format(format));

-- JSON. Trino's json type is cast to varchar as the text of a string, so a string comes without its quotes here at once.
-- What is not JSON is null. $["a b"] is the path of a member whose name is not a word.
CREATE MACRO __json_path(path) AS system.main.regexp_replace(path, '\["([^"]*)"\]', '."\1"', 'g');
CREATE MACRO __json_extract(json, path) AS TRY(json_extract_string(json, __json_path(path)));
CREATE MACRO json_extract(json, path) AS __json_extract(json, path);
CREATE MACRO json_extract_scalar(json, path) AS
  CASE WHEN TRY(json_type(json, __json_path(path))) IN ('OBJECT', 'ARRAY') THEN NULL
       ELSE TRY(json_extract_string(json, __json_path(path))) END;
CREATE MACRO json_parse(text) AS CAST(text AS JSON);
CREATE MACRO json_format(json) AS CAST(json AS VARCHAR);

-- Text. No match is null, not empty; a replacement is made everywhere, and names groups as $1. With options (i, s, g) it is
-- DuckDB's own, whose options could not come out of a macro's parameter.
CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern);
CREATE MACRO regexp_extract
  (text, pattern) AS CASE WHEN regexp_matches(text, pattern) THEN system.main.regexp_extract(text, pattern) END,
  (text, pattern, capture) AS
    CASE WHEN regexp_matches(text, pattern) THEN system.main.regexp_extract(text, pattern, capture) END;
CREATE MACRO __inline_flags(options) AS
  CASE WHEN options LIKE '%i%' THEN '(?i)' ELSE '' END || CASE WHEN options LIKE '%s%' THEN '(?s)' ELSE '' END;
CREATE MACRO regexp_replace
  (text, pattern) AS system.main.regexp_replace(text, pattern, '', 'g'),
  (text, pattern, replacement) AS system.main.regexp_replace(
    text, pattern, system.main.regexp_replace(replacement, '\$(\d)', '\\\1', 'g'), 'g'),
  (text, pattern, replacement, options) AS
    CASE WHEN options LIKE '%g%'
         THEN system.main.regexp_replace(text, __inline_flags(options) || pattern, replacement, 'g')
         ELSE system.main.regexp_replace(text, __inline_flags(options) || pattern, replacement) END;

-- Lists and aggregates.
CREATE MACRO arrays_overlap(one, other) AS list_has_any(one, other);
CREATE MACRO sequence(first, last) AS generate_series(first, last);
CREATE MACRO array_join(list, separator) AS array_to_string(list, separator);
CREATE MACRO approx_distinct(value) AS approx_count_distinct(value);
CREATE MACRO approx_percentile(value, fraction) AS approx_quantile(value, fraction);

-- Addresses, as 32 hex digits of their IPv6 form (IPv4 as ::ffff:a.b.c.d), as client_ip_key has them; null for what is no
-- address. list_transform([value], lambda name: …)[1] gives a value a name, so that it is worked out once.
CREATE TYPE IPADDRESS AS VARCHAR;
CREATE MACRO __ipv4_hex(text) AS
  CASE WHEN regexp_full_match(text, '((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)')
       THEN printf('%02x%02x%02x%02x',
              CAST(split_part(text, '.', 1) AS INTEGER), CAST(split_part(text, '.', 2) AS INTEGER),
              CAST(split_part(text, '.', 3) AS INTEGER), CAST(split_part(text, '.', 4) AS INTEGER)) END;
CREATE MACRO __hex_groups(text) AS
  array_to_string(list_transform(string_split(text, ':'), lambda part: CASE part WHEN '' THEN '' ELSE lpad(part, 4, '0') END), '');
CREATE MACRO __ipv6_hex(text) AS
  CASE WHEN regexp_full_match(text, '([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}') THEN __hex_groups(text)
       WHEN regexp_full_match(text, '([0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6})?::([0-9a-f]{1,4}(:[0-9a-f]{1,4}){0,6})?')
       THEN list_transform(
              [[__hex_groups(split_part(text, '::', 1)), __hex_groups(split_part(text, '::', 2))]],
              lambda half: CASE WHEN length(half[1]) + length(half[2]) < 32
                THEN half[1] || repeat('0', 32 - length(half[1]) - length(half[2])) || half[2] END)[1] END;
CREATE MACRO __address_hex(text) AS
  list_transform([lower(text)], lambda given:
    list_transform([__ipv4_hex(split_part(given, ':', -1))], lambda tail:
      CASE WHEN position(':' IN given) = 0 THEN '00000000000000000000ffff' || tail
           WHEN position('.' IN given) = 0 THEN __ipv6_hex(given)
           ELSE list_transform(
             [given[1:length(given) - length(split_part(given, ':', -1))] || tail[1:4] || ':' || tail[5:8]],
             lambda hex: __ipv6_hex(hex))[1] END)[1])[1];
-- The first `bits` bits of 32 hex digits, the rest zero.
CREATE MACRO __network_hex(hex, bits) AS
  rpad(hex[1:bits // 4] || CASE WHEN bits = 128 THEN '' ELSE
    format('{:x}', (position(hex[bits // 4 + 1] IN '0123456789abcdef') - 1) & (240 >> (bits % 4))) END, 32, '0');
-- The prefix of a block in IPv4 form is counted from the first bit of the IPv4 address.
CREATE MACRO __in_block(block, address) AS
  list_transform([__address_hex(split_part(block, '/', 1))], lambda base:
    list_transform(
      [CAST(split_part(block, '/', 2) AS INTEGER) + CASE WHEN position(':' IN block) = 0 THEN 96 ELSE 0 END], lambda bits:
      CASE WHEN base IS NULL OR bits > 128 OR __network_hex(base, bits) <> base THEN error('Invalid CIDR')
           ELSE __network_hex(__address_hex(address), bits) = base END)[1])[1];
-- contains(block, address), contains(list, element), and DuckDB's own contains(text, part).
CREATE MACRO contains
  (container VARCHAR, part VARCHAR) AS
    CASE WHEN regexp_full_match(container, '[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*/\d{1,3}') THEN __in_block(container, part)
         ELSE system.main.contains(container, part) END,
  (container, part) AS system.main.contains(container, part);
