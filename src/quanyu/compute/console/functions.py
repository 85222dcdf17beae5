"""The functions that a statement may call. What is not named here is refused.

None of them reads a file, a setting, the environment, a variable or another table by its name, and
none runs text as SQL.
"""

_AGGREGATES = """
any_value approx_count_distinct approx_quantile arg_max arg_min avg bit_and bit_or bit_xor bool_and
bool_or corr count count_if count_star covar_pop covar_samp entropy favg first fsum histogram
kurtosis last list array_agg mad max max_by mean median min min_by mode product quantile
quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
sem skewness stddev stddev_pop stddev_samp string_agg group_concat listagg sum sum_no_overflow
var_pop var_samp variance grouping grouping_id
"""
_WINDOWS = """
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense
row_number
"""
_NUMBERS = """
abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees divide even exp factorial floor fmod gcd
greatest isfinite isinf isnan lcm least ln log log10 log2 mod multiply nullif pi pow power radians
round sign sin sqrt subtract add tan trunc bit_count xor hash
"""
_TEXT = """
ascii bit_length chr concat concat_ws contains damerau_levenshtein editdist3 ends_with suffix prefix
format jaccard jaro_similarity jaro_winkler_similarity left length len levenshtein like_escape
not_like_escape ilike_escape not_ilike_escape lower lcase lpad ltrim md5 printf regexp_extract
regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array replace
reverse right rpad rtrim sha256 split split_part starts_with string_split str_split strip_accents
strlen strpos position instr substr substring translate trim unicode upper ucase to_base64 hex bin
"""
_TIMES = """
age date_add date_diff datediff date_part datepart date_sub date_trunc datetrunc day dayname
dayofmonth dayofweek dayofyear century decade epoch epoch_ms epoch_us epoch_ns era hour isodow
isoyear last_day make_date make_time make_timestamp microsecond millennium millisecond minute month
monthname quarter second strftime strptime try_strptime time_bucket timezone to_days to_hours
to_minutes to_months to_seconds to_weeks to_years to_timestamp week weekday weekofyear year yearweek
"""
_LISTS = """
array_length cardinality element_at flatten generate_series json_array_length json_extract
json_extract_string json_keys json_type json_valid list_aggregate list_contains list_distinct
list_element list_extract list_filter list_has list_indexof list_max list_min list_position
list_reverse list_slice list_sort list_sum list_transform list_unique list_value list_where list_zip
array_extract array_slice map map_entries map_extract map_keys map_values range row struct_extract
struct_pack unnest case coalesce if ifnull error try
"""
_PLACES = """
st_area st_area_spheroid st_asgeojson st_astext st_boundary st_buffer st_centroid st_contains
st_convexhull st_coveredby st_covers st_crosses st_difference st_dimension st_disjoint st_distance
st_distance_sphere st_distance_spheroid st_dwithin st_dwithin_spheroid st_endpoint st_envelope
st_equals st_extent st_extent_agg st_geometrytype st_geomfromgeojson st_geomfromtext st_intersection
st_intersects st_isempty st_isvalid st_length st_length_spheroid st_makeenvelope st_makeline
st_makevalid st_multi st_npoints st_numpoints st_overlaps st_perimeter st_perimeter_spheroid
st_point st_pointonsurface st_simplify st_startpoint st_touches st_transform st_union st_union_agg
st_within st_x st_xmax st_xmin st_y st_ymax st_ymin st_z
"""
GROUPS: dict[str, tuple[str, ...]] = {
    "aggregates": tuple(_AGGREGATES.split()),
    "windows": tuple(_WINDOWS.split()),
    "numbers": tuple(_NUMBERS.split()),
    "text": tuple(_TEXT.split()),
    "times": tuple(_TIMES.split()),
    "lists, JSON and conditions": tuple(_LISTS.split()),
    "places": tuple(_PLACES.split()),
}
FUNCTIONS = frozenset(name for group in GROUPS.values() for name in group)
TABLE_FUNCTIONS = frozenset({"generate_series", "range", "unnest"})

_HEAD = """\
# SQL console: what a statement may say

One `SELECT` of DuckDB's dialect (with `WITH`, joins, windows, set operations and `VALUES`) over
datasets by their slugs, quoted where they hold a hyphen: `"osm-buildings"`. Every table is the
caller's restricted view of the newest version. Not `COPY`, `ATTACH`, `PRAGMA`, `SET`, `CALL`,
parameters, files, schemas or catalogues. What is not listed here is refused.

Under an agreement a statement counts, for each table, all rows that its view holds: one row of an
answer may be made of many.

Limits: {tables} tables, {rows} rows, {seconds} seconds, {memory} of memory.

| functions | |
|---|---|
"""


def console_document(tables: int, rows: int, seconds: int, memory: str) -> str:
    """``docs/reference/sql.md``."""
    head = _HEAD.format(tables=tables, rows=rows, seconds=seconds, memory=memory)
    lines = (
        f"| {name} | {' '.join(f'`{one}`' for one in sorted(group))} |\n"
        for name, group in GROUPS.items()
    )
    return head + "".join(lines)
