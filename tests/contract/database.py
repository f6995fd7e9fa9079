"""The tables that podfleet reads, column by column, as they were seen (`!` means NOT NULL)."""

from __future__ import annotations

READ_COLUMNS = """
sql = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns " \\
      "WHERE table_schema = 'public'"
ActiveRecord::Base.connection.select_rows(sql).map {|table, column, type, nullable|
  "#{table}.#{column} #{type}#{'!' if nullable == 'NO'}" }
"""

_TABLES = {
    "pods": """id integer!, host character varying!, ssl boolean,
        created_at timestamp without time zone!, updated_at timestamp without time zone!,
        status integer, checked_at timestamp without time zone,
        offline_since timestamp without time zone, response_time integer,
        software character varying, error character varying, port integer!, blocked boolean,
        scheduled_check boolean!""",
    "users": """id integer!, username character varying!, serialized_private_key text,
        getting_started boolean!, disable_mail boolean!, language character varying,
        email character varying!, encrypted_password character varying!,
        sign_in_count integer, current_sign_in_at timestamp without time zone,
        last_sign_in_at timestamp without time zone, current_sign_in_ip character varying,
        created_at timestamp without time zone!, updated_at timestamp without time zone!,
        locked_at timestamp without time zone, show_community_spotlight_in_stream boolean!,
        auto_follow_back boolean, last_seen timestamp without time zone,
        remove_after timestamp without time zone, export character varying,
        exported_photos_file character varying, color_theme character varying,
        consumed_timestep integer, plain_otp_secret character varying""",
    "people": """id integer!, guid character varying!, diaspora_handle character varying!,
        serialized_public_key text!, owner_id integer, created_at timestamp without time zone!,
        updated_at timestamp without time zone!, closed_account boolean, fetch_status integer,
        pod_id integer""",
    "contacts": """id integer!, user_id integer!, person_id integer!,
        created_at timestamp without time zone!, updated_at timestamp without time zone!,
        sharing boolean!, receiving boolean!""",
    "posts": """id integer!, author_id integer!, public boolean!, guid character varying!,
        type character varying!, text text, created_at timestamp without time zone!,
        updated_at timestamp without time zone!, provider_display_name character varying,
        root_guid character varying, likes_count integer, comments_count integer,
        o_embed_cache_id integer, reshares_count integer,
        interacted_at timestamp without time zone, open_graph_cache_id integer""",
    "comments": """id integer!, text text!, commentable_id integer!, author_id integer!,
        guid character varying!, created_at timestamp without time zone!,
        updated_at timestamp without time zone!, likes_count integer!,
        commentable_type character varying!""",
}

# "table.column type", each.
COLUMNS = tuple(
    f"{table}.{column}"
    for table, columns in _TABLES.items()
    for column in " ".join(columns.split()).split(", ")
)
