# Applications that act for a user, what they were allowed, and their tokens.
class CreateOpenidConnect < ActiveRecord::Migration[6.1]
  def change
    create_table :o_auth_applications, id: :integer do |t|
      t.integer :user_id
      t.string :client_id, null: false
      t.string :client_secret, null: false
      t.string :client_name
      t.text :redirect_uris
      t.string :response_types
      t.string :grant_types
      t.string :application_type, default: "web"
      t.string :contacts
      t.string :logo_uri
      t.string :client_uri
      t.string :policy_uri
      t.string :tos_uri
      t.string :sector_identifier_uri
      t.string :token_endpoint_auth_method
      t.text :jwks
      t.string :jwks_uri
      t.boolean :ppid, default: false
      t.timestamps null: false, precision: nil
      t.index :client_id, unique: true
    end
    create_authorizations
    create_table :o_auth_access_tokens, id: :integer do |t|
      t.integer :authorization_id, null: false
      t.string :token, null: false
      t.datetime :expires_at, precision: nil
      t.timestamps null: false, precision: nil
      t.index :token, unique: true
    end
  end

  private

  def create_authorizations
    create_table :authorizations, id: :integer do |t|
      t.integer :user_id, null: false
      t.integer :o_auth_application_id, null: false
      t.string :refresh_token
      t.string :code
      t.string :redirect_uri
      t.string :nonce
      t.string :scopes
      t.boolean :code_used, default: false
      t.timestamps null: false, precision: nil
      t.index :user_id
    end
  end
end
