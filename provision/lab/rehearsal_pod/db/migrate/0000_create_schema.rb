# Accounts and the pods they are on. Version 0, as upstream's first migration has.
class CreateSchema < ActiveRecord::Migration[6.1]
  def change
    create_pods
    create_users
    create_people
    create_profiles
  end

  private

  def create_pods
    create_table :pods, id: :integer do |t|
      t.string :host, null: false
      t.boolean :ssl
      t.timestamps null: false, precision: nil
      t.integer :status, default: 0
      t.datetime :checked_at, default: "1970-01-01 00:00:00", precision: nil
      t.datetime :offline_since, precision: nil
      t.integer :response_time, default: -1
      t.string :software
      t.string :error
      t.integer :port
      t.boolean :blocked, default: false
      t.boolean :scheduled_check, null: false, default: false
      t.index %i[host port], unique: true
      t.index :status
    end
  end

  def create_users
    create_table :users, id: :integer do |t|
      t.string :username, null: false
      t.text :serialized_private_key
      t.boolean :getting_started, null: false, default: true
      t.boolean :disable_mail, null: false, default: false
      t.string :language
      t.string :email, null: false, default: ""
      t.string :encrypted_password, null: false, default: ""
      t.string :reset_password_token
      t.datetime :remember_created_at, precision: nil
      t.integer :sign_in_count, default: 0
      t.datetime :current_sign_in_at, precision: nil
      t.datetime :last_sign_in_at, precision: nil
      t.string :current_sign_in_ip
      t.string :last_sign_in_ip
      t.timestamps null: false, precision: nil
      add_account_state(t)
      t.index :username, unique: true
      t.index :email, unique: true
    end
  end

  def add_account_state(table)
    table.integer :invited_by_id
    table.string :authentication_token
    table.string :unconfirmed_email
    table.string :confirm_email_token
    table.datetime :locked_at, precision: nil
    table.boolean :show_community_spotlight_in_stream, null: false, default: true
    table.boolean :auto_follow_back, default: false
    table.integer :auto_follow_back_aspect_id
    table.text :hidden_shareables
    table.datetime :reset_password_sent_at, precision: nil
    table.datetime :last_seen, precision: nil
    table.datetime :remove_after, precision: nil
    add_exports(table)
    table.boolean :strip_exif, default: true
    table.string :color_theme
    table.boolean :post_default_public, default: false
    table.integer :consumed_timestep
    table.boolean :otp_required_for_login
    table.text :otp_backup_codes
    table.string :plain_otp_secret
  end

  def add_exports(table)
    table.string :export
    table.datetime :exported_at, precision: nil
    table.boolean :exporting, default: false
    table.string :exported_photos_file
    table.datetime :exported_photos_at, precision: nil
    table.boolean :exporting_photos, default: false
  end

  def create_people
    create_table :people, id: :integer do |t|
      t.string :guid, null: false
      t.string :diaspora_handle, null: false
      t.text :serialized_public_key, null: false
      t.integer :owner_id
      t.timestamps null: false, precision: nil
      t.boolean :closed_account, default: false
      t.integer :fetch_status, default: 0
      t.integer :pod_id
      t.index :guid, unique: true
      t.index :diaspora_handle, unique: true
      t.index :owner_id, unique: true
    end
  end

  def create_profiles
    create_table :profiles, id: :integer do |t|
      t.string :diaspora_handle
      t.string :first_name, limit: 127
      t.string :last_name, limit: 127
      t.date :birthday
      t.boolean :searchable, null: false, default: true
      t.integer :person_id, null: false
      t.timestamps null: false, precision: nil
      t.string :full_name, limit: 70
      t.index :person_id
    end
  end
end
